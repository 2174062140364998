import { randomBytes } from "node:crypto";
import type { Clock, Logger } from "../base/index.ts";
import { CriError, type PodSandboxConfig, type PodSandboxMetadata } from "../cri/index.ts";
import { formatAddress, urlOf } from "../network/index.ts";
import type { ShimClient } from "../shim/index.ts";
import {
  ANNOTATIONS,
  parsePodAnnotations,
  type PodAnnotations,
  type PodLimits,
  type WagiAnnotations,
} from "./annotations/index.ts";
import type { Containers } from "./containers.ts";
import { type Listeners, readAddress } from "./listeners.ts";
import { Serial } from "./serial.ts";
import { nanoseconds, type SandboxRecord } from "./state.ts";
import type { RuntimeStore } from "./store.ts";

export interface SandboxesOptions {
  readonly store: RuntimeStore;
  readonly shim: ShimClient;
  readonly listeners: Listeners;
  readonly clock: Clock;
  readonly log: Logger;
  /** What a pod gets that sets no limit of its own. */
  readonly limits: PodLimits;
  /** Replaces every pod's own listen address. */
  readonly address?: string;
  /** Address that pods without a network of their own are reached at. */
  readonly nodeIp: string;
}

/** Time requests under way get when a sandbox is stopped; its containers had their own grace before. */
const DRAIN_MS = 1_000;
/** `/healthz` is answered before any route is looked at (spec/wagi.md 4.3). */
const HEALTH_ROUTE = "/healthz";

/** Sandboxes: the addresses and routes of pods. Operations on one sandbox never overlap. */
export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #serial = new Serial();
  /** Sandboxes that wait until they serve before they take another one's listener: from new to old. */
  readonly #takeovers = new Map<string, string>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  async run(config: PodSandboxConfig, signal?: AbortSignal): Promise<string> {
    const { store, clock, limits, nodeIp } = this.#options;
    signal?.throwIfAborted();
    this.#checkName(config.metadata);
    const record: SandboxRecord = {
      id: randomBytes(32).toString("hex"),
      config,
      annotations: this.#withAddress(parsePodAnnotations(config.annotations, limits)),
      createdAt: nanoseconds(clock.now()),
      state: "SANDBOX_NOTREADY",
      ip: nodeIp,
      url: undefined,
      removed: new Map(),
    };
    // Known before the first await: a second call for the same pod must find it.
    store.sandboxes.set(record.id, record);
    return this.#serial.run(record.id, () => this.#make(record, signal));
  }

  /** Ends what runs in it and frees its address. An unknown sandbox is no error. */
  stop(id: string, containers: Containers): Promise<void> {
    return this.#serial.run(id, () => this.#stop(id, containers));
  }

  remove(id: string, containers: Containers): Promise<void> {
    return this.#serial.run(id, async () => {
      const { store } = this.#options;
      await this.#stop(id, containers);
      await Promise.all(store.containersOf(id).map((container) => containers.remove(container.id)));
      store.sandboxes.delete(id);
    });
  }

  /**
   * A container of the sandbox began to serve. Once all its modules do, an outstanding takeover happens: connections of the old
   * sandbox's listener are answered by this one, and the socket is its own from then on. After a takeover that failed, the next
   * container to serve tries again.
   */
  async serving(record: SandboxRecord): Promise<void> {
    const from = this.#takeovers.get(record.id);
    // The old sandbox is not stopped half-way through, and two containers that begin at once do not both take it over.
    if (from !== undefined) await this.#serial.run(from, () => this.#takeOver(record, from));
    this.#options.store.runtimeEvents.publish({ kind: "routes-changed", podSandboxId: record.id });
  }

  async #make(record: SandboxRecord, signal: AbortSignal | undefined): Promise<string> {
    try {
      if (record.annotations.wagi) await this.#serve(record, record.annotations.wagi);
      signal?.throwIfAborted();
    } catch (error) {
      await this.#release(record);
      this.#options.store.sandboxes.delete(record.id);
      throw error;
    }
    record.state = "SANDBOX_READY";
    return record.id;
  }

  async #stop(id: string, containers: Containers): Promise<void> {
    const record = this.#options.store.sandboxes.get(id);
    if (!record) return;
    const wasReady = record.state === "SANDBOX_READY";
    record.state = "SANDBOX_NOTREADY";
    await Promise.all(this.#options.store.containersOf(id).map((container) => containers.stop(container.id, 0)));
    if (wasReady) await this.#release(record);
  }

  async #takeOver(record: SandboxRecord, from: string): Promise<void> {
    const { store, shim, listeners } = this.#options;
    const { wagi } = record.annotations;
    const isOutstanding = this.#takeovers.get(record.id) === from;
    if (!isOutstanding || !wagi || !this.#allServe(record.id, wagi)) return;
    if (listeners.of(from)) {
      await shim.request({ op: "take-over", from, to: record.id });
      listeners.move(from, record.id);
      const old = store.sandboxes.get(from);
      record.url = old?.url;
      if (old) old.url = undefined;
      store.runtimeEvents.publish({ kind: "routes-changed", podSandboxId: from });
    } else await this.#listen(record, wagi);
    this.#takeovers.delete(record.id);
  }

  async #serve(record: SandboxRecord, wagi: WagiAnnotations): Promise<void> {
    const { shim, log } = this.#options;
    if (wagi.modules.some(({ route }) => route === HEALTH_ROUTE))
      log.info("route is never asked: the gateway answers it itself", { route: HEALTH_ROUTE, sandbox: record.id });
    // Bound before anything is asked of the shim: an address in use is the fault most likely.
    if (wagi.takeover === undefined) this.#bind(record, wagi);
    else this.#takeovers.set(record.id, this.#checkTakeover(record, wagi, wagi.takeover));
    const routes = wagi.modules.map(({ route, container }) => ({ route, container }));
    await shim.request({ op: "declare-routes", sandbox: record.id, routes });
    await this.#announce(record);
  }

  async #listen(record: SandboxRecord, wagi: WagiAnnotations): Promise<void> {
    this.#bind(record, wagi);
    await this.#announce(record);
  }

  #bind(record: SandboxRecord, wagi: WagiAnnotations): void {
    const listener = this.#options.listeners.bind(record.id, readAddress(ANNOTATIONS.defaultHost, wagi.address));
    record.url = urlOf(listener.address).replace(/\/$/, "");
  }

  async #announce(record: SandboxRecord): Promise<void> {
    const listener = this.#options.listeners.of(record.id);
    if (!listener || record.url === undefined) return;
    await this.#options.shim.request({ op: "listen", sandbox: record.id, url: record.url }, [listener.fd]);
  }

  /** Only the same pod's former sandbox may be taken over: the annotation is the pod author's, not the node's. */
  #checkTakeover({ config }: SandboxRecord, wagi: WagiAnnotations, from: string): string {
    const old = this.#options.store.sandboxes.get(from);
    const refuse = (why: string): never => {
      throw new CriError("INVALID_ARGUMENT", `Annotation ${ANNOTATIONS.takeover}: ${why}`);
    };
    const { metadata } = config;
    if (!old || old.config.metadata.name !== metadata.name || old.config.metadata.namespace !== metadata.namespace)
      return refuse(`pod ${metadata.namespace}/${metadata.name} has no sandbox ${JSON.stringify(from)}`);
    const listener = this.#options.listeners.of(from);
    if (!listener)
      return refuse(`sandbox ${from} has no listening socket (stopped, or itself waiting to take one over)`);
    const wanted = readAddress(ANNOTATIONS.defaultHost, wagi.address);
    const isSame = wanted.host === listener.address.host && [0, listener.address.port].includes(wanted.port);
    if (!isSame)
      return refuse(`sandbox ${from} listens on ${formatAddress(listener.address)}, not on ${formatAddress(wanted)}`);
    return from;
  }

  /** Routes are known once the shim serves a container, a moment before it counts as running. */
  #allServe(id: string, { modules }: WagiAnnotations): boolean {
    const serving = this.#options.store
      .containersOf(id)
      .filter(({ routes, state }) => routes.length > 0 && state !== "CONTAINER_EXITED");
    const names = new Set(serving.map(({ config }) => config.metadata.name));
    return modules.every(({ container }) => names.has(container));
  }

  async #release(record: SandboxRecord): Promise<void> {
    const { shim, listeners, log } = this.#options;
    this.#takeovers.delete(record.id);
    record.url = undefined;
    if (record.annotations.wagi) {
      await shim.request({ op: "remove-sandbox", sandbox: record.id, graceMs: DRAIN_MS }).catch((error: unknown) => {
        log.error("sandbox could not be removed from the shim", { sandbox: record.id, error: String(error) });
      });
    }
    listeners.close(record.id);
  }

  #withAddress(annotations: PodAnnotations): PodAnnotations {
    const { address } = this.#options;
    if (!annotations.wagi || address === undefined) return annotations;
    return { ...annotations, wagi: { ...annotations.wagi, address } };
  }

  #checkName(metadata: PodSandboxMetadata): void {
    const taken = [...this.#options.store.sandboxes.values()].find(
      ({ config }) => config.metadata.uid === metadata.uid && config.metadata.attempt === metadata.attempt,
    );
    if (taken)
      throw new CriError(
        "ALREADY_EXISTS",
        `Pod ${metadata.namespace}/${metadata.name} (${metadata.uid}), attempt ${metadata.attempt}, has sandbox ${taken.id} already`,
      );
  }
}
