import { closeSync } from "node:fs";
import type { PreparedModule } from "../../engine/index.ts";
import type { ContainerExit, ContainerUsage, Notice, Reply, Request, RequestOf, StartedRoutes } from "../protocol.ts";
import type { Recorded, StateRecord } from "../state/record.ts";
import type { Commands } from "./commands.ts";
import type { GatewayWorkers } from "./gateway-workers.ts";
import { loadModule } from "./module-loader.ts";
import { RefusedError, type WorkerResult } from "./worker-protocol.ts";

export interface RequestsOptions {
  readonly record: StateRecord;
  /** Compiled modules by digest. */
  readonly modules: Map<string, PreparedModule>;
  readonly workers: GatewayWorkers;
  readonly commands: Commands;
  readonly notify: (notice: Notice) => void;
}

const DRAINED: ContainerExit = { exitCode: 0, reason: "Completed", message: "" };
const CUT: ContainerExit = {
  exitCode: 137,
  reason: "Error",
  message: "Requests were still under way when the grace period ended",
};

/** What the runtime asks, done with workers and commands. Owns the descriptors that come with requests. */
export class Requests {
  readonly #options: RequestsOptions;
  /** Descriptors of commands that run. */
  readonly #commandFds = new Map<string, readonly number[]>();
  /** WAGI containers that are being stopped. */
  readonly #stopping = new Set<string>();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** Never rejects. `fds` are this object's from now on. */
  async answer(request: Request, fds: readonly number[]): Promise<Reply> {
    try {
      const result = await this.#do(request, fds);
      return result === undefined ? { ok: true } : { ok: true, result };
    } catch (error) {
      closeAll(fds);
      if (error instanceof RefusedError) return { ok: false, code: error.code, message: error.message };
      return { ok: false, code: "internal", message: `${request.op}: ${String(error)}` };
    }
  }

  commandEnded(container: string, exit: ContainerExit): void {
    closeAll(this.#commandFds.get(container) ?? []);
    this.#commandFds.delete(container);
    this.#options.notify({ event: "exited", container, exit });
  }

  async #do(request: Request, fds: readonly number[]): Promise<StartedRoutes | ContainerUsage | undefined> {
    switch (request.op) {
      case "load-module":
        return this.#load(request, fds);
      case "unload-module":
        await this.#askAll(request, fds);
        this.#options.modules.delete(request.digest);
        return undefined;
      case "declare-routes":
      case "take-over":
        return this.#askAll(request, fds);
      case "listen":
        return this.#askAll(request, fds, { op: "listen", sandbox: request.sandbox, fd: only(fds) });
      case "start-wagi":
        return this.#startWagi(request, fds);
      case "start-command":
        return this.#startCommand(request, fds);
      case "stop-container":
        return this.#stop(request, fds);
      case "remove-sandbox":
        return this.#askAll(request, fds);
      case "stats":
        return this.#stats(request);
    }
  }

  async #load(request: RequestOf<"load-module">, fds: readonly number[]): Promise<undefined> {
    const { workers, modules } = this.#options;
    const prepared = await loadModule(request, only(fds));
    await workers.askAll({ op: "load-module", prepared }, () => {
      modules.set(request.digest, prepared);
      this.#note({ request, fds: [] });
    });
    closeAll(fds);
  }

  async #askAll(
    request: Request,
    fds: readonly number[],
    asked: Parameters<GatewayWorkers["askAll"]>[0] = request as Parameters<GatewayWorkers["askAll"]>[0],
  ): Promise<undefined> {
    await this.#options.workers.askAll(asked, () => this.#note({ request, fds }));
  }

  /** One worker tries the module and asks its routes; then all serve it. */
  async #startWagi(request: RequestOf<"start-wagi">, fds: readonly number[]): Promise<StartedRoutes> {
    const { workers, modules } = this.#options;
    const { sandbox, container, wagi } = request;
    if (!modules.has(container.digest)) throw notLoaded(container.digest);
    if (fds.length !== container.mounts.length) throw wrongDescriptors(container.mounts.length, fds.length);
    const result = await workers.askOne({ op: "probe", container, wagi, fds });
    if (!result || !("routes" in result)) throw new RefusedError("internal", "A worker did not answer with routes");
    const { routes } = result;
    try {
      await workers.askAll({ op: "serve", sandbox, container, wagi, fds, routes }, () =>
        this.#note({ request, fds, result }),
      );
    } catch (error) {
      // No worker may go on with descriptors that are about to be closed: their numbers will name other files.
      await workers.askAll({ op: "stop", sandbox, container: container.id, graceMs: 0 });
      throw error;
    }
    return result;
  }

  async #startCommand({ container }: RequestOf<"start-command">, fds: readonly number[]): Promise<undefined> {
    const { modules, commands } = this.#options;
    const prepared = modules.get(container.digest);
    if (!prepared) throw notLoaded(container.digest);
    if (fds.length !== container.mounts.length) throw wrongDescriptors(container.mounts.length, fds.length);
    commands.start(container, prepared, fds);
    this.#commandFds.set(container.id, fds);
    return undefined;
  }

  async #stop(request: RequestOf<"stop-container">, fds: readonly number[]): Promise<undefined> {
    const { record, commands } = this.#options;
    const { container, graceMs } = request;
    closeAll(fds);
    if (commands.has(container)) {
      commands.stop(container, graceMs);
      return undefined;
    }
    const sandbox = record.sandboxOf(container);
    if (sandbox === undefined && !this.#stopping.has(container)) {
      throw new RefusedError("not-found", `No container ${container} runs`);
    }
    if (sandbox !== undefined) void this.#drain(sandbox, request);
    return undefined;
  }

  /** Stops a WAGI container in all workers. A worker that is replaced meanwhile does not serve it any more. */
  async #drain(sandbox: string, request: RequestOf<"stop-container">): Promise<void> {
    const { record, workers, notify } = this.#options;
    const { container, graceMs } = request;
    this.#stopping.add(container);
    const freed = record.add({ request, fds: [] });
    try {
      const answers = await workers.askAll({ op: "stop", sandbox, container, graceMs });
      const isDrained = answers.every((answer) => answer !== undefined && "drained" in answer && answer.drained);
      notify({ event: "exited", container, exit: isDrained ? DRAINED : CUT });
    } catch (error) {
      notify({ event: "exited", container, exit: { ...CUT, message: String(error) } });
    } finally {
      this.#stopping.delete(container);
      closeAll(freed);
    }
  }

  async #stats(request: RequestOf<"stats">): Promise<ContainerUsage> {
    const { commands, workers } = this.#options;
    if (commands.has(request.container)) return commands.usage(request.container);
    const answers = await workers.askAll(request);
    return answers.filter(isUsage).reduce(
      (sum, usage) => ({
        cpuMs: sum.cpuMs + usage.cpuMs,
        memoryBytes: sum.memoryBytes + usage.memoryBytes,
        requests: sum.requests + usage.requests,
        failures: sum.failures + usage.failures,
      }),
      { cpuMs: 0, memoryBytes: 0, requests: 0, failures: 0 },
    );
  }

  #note(entry: Recorded): void {
    closeAll(this.#options.record.add(entry));
  }
}

function only(fds: readonly number[]): number {
  const [fd, ...more] = fds;
  if (fd === undefined || more.length > 0) throw wrongDescriptors(1, fds.length);
  return fd;
}

function isUsage(answer: WorkerResult): answer is ContainerUsage {
  return answer !== undefined && "cpuMs" in answer;
}

function notLoaded(digest: string): RefusedError {
  return new RefusedError("not-found", `Module ${digest} is not loaded`);
}

function wrongDescriptors(wanted: number, given: number): RefusedError {
  return new RefusedError("internal", `${wanted} descriptors were expected, ${given} came`);
}

function closeAll(fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
}
