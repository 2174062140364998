import { type Clock, silentLogger } from "../../base/index.ts";
import { type Account, createEngine, type Engine, type Guest, type PreparedModule } from "../../engine/index.ts";
import { createGateway, type Gateway, outboundHttp } from "../../gateway/index.ts";
import type { Preopen } from "../../wasi/index.ts";
import type { ContainerSpec, ContainerUsage, WagiSpec } from "../protocol.ts";
import { counted } from "./counted-guest.ts";
import { duplicate } from "../channel/index.ts";
import { probe } from "./probe.ts";
import { RefusedError, STATUS, type WorkerRequest, type WorkerResult, type WorkerSetup } from "./worker-protocol.ts";

export interface GatewayWorkerOptions {
  readonly clock: Clock;
  readonly onLog: (container: string, text: Uint8Array) => void;
  /** A run could not be ended: this thread is to be replaced. */
  readonly onStuck: (reason: string) => void;
}

/** A container that this worker serves or still answers for. */
interface Served {
  readonly sandbox: string;
  readonly guest: Guest;
  readonly account: Account;
}

/** One gateway worker: an engine and a gateway, told what to serve. */
export class GatewayWorker {
  readonly #options: GatewayWorkerOptions;
  readonly #status: Int32Array;
  readonly #engine: Engine;
  readonly #gateway: Gateway;
  readonly #modules = new Map<string, PreparedModule>();
  readonly #served = new Map<string, Served>();

  constructor({ status, epoch, settings, maxInstances }: WorkerSetup, options: GatewayWorkerOptions) {
    const { clock } = options;
    this.#options = options;
    this.#status = status;
    const { outbound, addresses, front, http, wasi, maxStderrBytes } = settings;
    this.#engine = createEngine({
      epoch,
      clock,
      settings: { maxInstances },
      ...(wasi === undefined ? {} : { wasiLimits: wasi }),
      hostModules: [
        outboundHttp({
          clock,
          log: silentLogger,
          ...(outbound === undefined ? {} : { limits: outbound }),
          ...(addresses === undefined ? {} : { addresses }),
        }),
      ],
      onStuck: (digest) => options.onStuck(`a run of module ${digest} could not be ended`),
    });
    this.#gateway = createGateway({
      clock,
      log: silentLogger,
      ...(front === undefined ? {} : { front }),
      ...(http === undefined ? {} : { limits: http }),
      ...(maxStderrBytes === undefined ? {} : { maxStderrBytes }),
    });
  }

  /** Rejects with `RefusedError` or an error of the gateway or engine. */
  async answer(request: WorkerRequest): Promise<WorkerResult> {
    switch (request.op) {
      case "load-module":
        this.#modules.set(request.prepared.digest, request.prepared);
        return undefined;
      case "unload-module":
        this.#modules.delete(request.digest);
        return undefined;
      case "listen":
        await this.#gateway.listen(request.sandbox, duplicate(request.fd));
        return undefined;
      case "take-over":
        this.#gateway.takeOver(request.from, request.to);
        return undefined;
      case "declare-routes":
        this.#gateway.declareRoutes(request.sandbox, request.routes);
        return undefined;
      case "probe":
        return { routes: await this.#probe(request) };
      case "serve":
        return this.#serve(request);
      case "stop":
        return this.#stop(request);
      case "remove-sandbox":
        return this.#removeSandbox(request.sandbox, request.graceMs);
      case "stats":
        return this.#usage(request.container);
    }
  }

  async #probe({ container, wagi, fds }: Extract<WorkerRequest, { op: "probe" }>) {
    const prepared = this.#module(container.digest);
    const guest = this.#load(container, wagi);
    try {
      return await probe(
        guest,
        prepared,
        { container, wagi, preopens: preopensOf(container, fds) },
        this.#options.clock,
      );
    } finally {
      await guest.close();
    }
  }

  #serve({ sandbox, container, wagi, fds, routes }: Extract<WorkerRequest, { op: "serve" }>): undefined {
    const { id } = container;
    const guest = counted(this.#load(container, wagi), this.#status, STATUS.running);
    const account: Account = { id, weight: container.weight, cpuMs: 0 };
    this.#served.set(id, { sandbox, guest, account });
    const { httpMaxConcurrency, allowedHosts, limits } = wagi;
    this.#gateway.serve(sandbox, {
      id,
      name: container.name,
      guest,
      account,
      routes,
      env: container.env,
      args: container.args,
      preopens: preopensOf(container, fds),
      allowedHosts,
      ...(httpMaxConcurrency === undefined ? {} : { httpMaxConcurrency }),
      limits,
      onStderr: (bytes) => this.#options.onLog(id, bytes),
    });
  }

  async #stop({ sandbox, container, graceMs }: Extract<WorkerRequest, { op: "stop" }>): Promise<WorkerResult> {
    const result = await this.#gateway.stopContainer(sandbox, container, graceMs);
    await this.#forget(container);
    return result;
  }

  async #removeSandbox(sandbox: string, graceMs: number): Promise<undefined> {
    await this.#gateway.removeSandbox(sandbox, graceMs);
    const left = [...this.#served].filter(([, served]) => served.sandbox === sandbox);
    await Promise.all(left.map(([container]) => this.#forget(container)));
  }

  async #forget(container: string): Promise<void> {
    const served = this.#served.get(container);
    this.#served.delete(container);
    await served?.guest.close();
  }

  #usage(container: string): ContainerUsage | undefined {
    const served = this.#served.get(container);
    if (!served) return undefined;
    const { requests, failures } = this.#gateway.counts(container);
    return { cpuMs: served.account.cpuMs, memoryBytes: served.guest.memoryBytes(), requests, failures };
  }

  #load({ digest, memoryBytes }: ContainerSpec, { limits }: WagiSpec): Guest {
    const { concurrency, queue } = limits;
    try {
      return this.#engine.load(this.#module(digest), { memoryBytes, concurrency, queue });
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      throw new RefusedError("unusable", (error as Error).message, { cause: error });
    }
  }

  #module(digest: string): PreparedModule {
    const prepared = this.#modules.get(digest);
    if (!prepared) throw new RefusedError("not-found", `Module ${digest} is not loaded`);
    return prepared;
  }
}

function preopensOf({ mounts }: ContainerSpec, fds: readonly number[]): readonly Preopen[] {
  return mounts.map(({ guestPath, readOnly }, index) => {
    const fd = fds[index];
    if (fd === undefined) throw new RefusedError("internal", `The folder of mount ${guestPath} is missing`);
    return { guestPath, fd, readOnly };
  });
}
