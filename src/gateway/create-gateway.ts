import { type Clock, type Logger, sleep } from "../base/index.ts";
import type { Gateway, ServedContainer } from "./gateway.ts";
import { createFront, type HttpFront, type Listener } from "./http/front.ts";
import { createNodeFront } from "./http/node-front.ts";
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./http/limits.ts";
import { RunningContainer, type Surroundings } from "./wagi/running-container.ts";
import { Site } from "./wagi/site.ts";

/** Longest time a lame duck goes on answering new requests. */
const MAX_LAME_DUCK_MS = 3_000;
/** A container without a request for this long is quiet. */
const QUIET_MS = 250;
const POLL_MS = 50;

/** Most that is kept of what one run writes to standard error. Threat: logs filled by requests. @default 64 KiB -> cut, and said so */
export const DEFAULT_MAX_STDERR_BYTES = 64 * 1024;

export interface GatewayOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** @default DEFAULT_HTTP_LIMITS */
  readonly limits?: Partial<HttpLimits>;
  /** Who speaks HTTP: our own front, or node:http as a fallback. @default "own" */
  readonly front?: "own" | "node";
  /** @default DEFAULT_MAX_STDERR_BYTES */
  readonly maxStderrBytes?: number;
}

/** A gateway for one worker thread. */
export function createGateway(options: GatewayOptions): Gateway {
  return new WagiGateway(options);
}

interface Sandbox {
  readonly site: Site;
  readonly listeners: Set<Listener>;
  /** Ids of all containers that it served, also of those that stopped or were started again under another id. */
  readonly served: Set<string>;
}

class WagiGateway implements Gateway {
  readonly #clock: Clock;
  readonly #front: HttpFront;
  readonly #surroundings: Surroundings;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** Containers that serve or served, until their sandbox is removed. */
  readonly #containers = new Map<string, RunningContainer>();

  constructor(options: GatewayOptions) {
    const { clock, log } = options;
    this.#clock = clock;
    const create = options.front === "node" ? createNodeFront : createFront;
    this.#front = create({ clock, log, limits: { ...DEFAULT_HTTP_LIMITS, ...options.limits } });
    this.#surroundings = {
      log,
      budget: this.#front.budget,
      maxStderrBytes: options.maxStderrBytes ?? DEFAULT_MAX_STDERR_BYTES,
    };
  }

  async listen(sandbox: string, fd: number): Promise<void> {
    const { site, listeners } = this.#sandbox(sandbox);
    listeners.add(await this.#front.listen(fd, site));
  }

  declareRoutes(sandbox: string, routes: readonly { readonly route: string; readonly container: string }[]): void {
    this.#sandbox(sandbox).site.declare(routes);
  }

  serve(sandbox: string, spec: ServedContainer): void {
    const container = new RunningContainer(spec, this.#surroundings);
    const { site, served } = this.#sandbox(sandbox);
    site.serve(container);
    served.add(spec.id);
    this.#containers.set(spec.id, container);
  }

  takeOver(from: string, to: string): void {
    const source = this.#sandboxes.get(from);
    const target = this.#sandboxes.get(to);
    if (!source || !target)
      throw new Error(`Cannot hand connections of sandbox "${from}" to "${to}": not both are known`);
    for (const listener of source.listeners) {
      listener.application = target.site;
      target.listeners.add(listener);
    }
    source.listeners.clear();
  }

  async stopContainer(sandbox: string, container: string, graceMs: number): Promise<{ readonly drained: boolean }> {
    const site = this.#sandboxes.get(sandbox)?.site;
    const running = site?.running(container);
    if (!site || !running) return { drained: true };
    const endMs = this.#clock.monotonic() + graceMs;
    running.isDraining = true;
    await this.#lameDuck([running], graceMs);
    site.unserve(running);
    return { drained: await this.#idleBy(endMs, [running]) };
  }

  async removeSandbox(sandbox: string, graceMs: number): Promise<void> {
    const found = this.#sandboxes.get(sandbox);
    if (!found) return;
    const endMs = this.#clock.monotonic() + graceMs;
    const { site, listeners } = found;
    site.isDraining = true;
    await this.#lameDuck(site.containers, graceMs);
    const cut = new AbortController();
    const timer = this.#clock.after(Math.max(0, endMs - this.#clock.monotonic()), () => cut.abort());
    await Promise.all([...listeners].map((listener) => listener.close(cut.signal)));
    timer[Symbol.dispose]();
    // Connections taken over by another sandbox are none of ours any more, but runs for them may still be.
    await this.#idleBy(endMs, site.containers);
    this.#forget(sandbox, found);
  }

  counts(container: string): { readonly requests: number; readonly failures: number } {
    return this.#containers.get(container)?.counts ?? { requests: 0, failures: 0 };
  }

  async close(): Promise<void> {
    await this.#front.close();
    this.#sandboxes.clear();
    this.#containers.clear();
  }

  #sandbox(id: string): Sandbox {
    const known = this.#sandboxes.get(id);
    if (known) return known;
    const made = { site: new Site(), listeners: new Set<Listener>(), served: new Set<string>() };
    this.#sandboxes.set(id, made);
    return made;
  }

  #forget(id: string, sandbox: Sandbox): void {
    if (this.#sandboxes.get(id) === sandbox) this.#sandboxes.delete(id);
    for (const container of sandbox.served) this.#containers.delete(container);
  }

  /** Goes on answering until nobody asks any more, at most half of the grace period. */
  async #lameDuck(containers: readonly RunningContainer[], graceMs: number): Promise<void> {
    const endMs = this.#clock.monotonic() + Math.min(graceMs / 2, MAX_LAME_DUCK_MS);
    const isQuiet = (nowMs: number) =>
      containers.every(({ underWay, lastRequestMs }) => underWay === 0 && nowMs - lastRequestMs >= QUIET_MS);
    for (;;) {
      const nowMs = this.#clock.monotonic();
      if (nowMs >= endMs || isQuiet(nowMs)) return;
      await sleep(this.#clock, Math.min(POLL_MS, endMs - nowMs));
    }
  }

  /** Says whether no request was under way any more by then. */
  async #idleBy(endMs: number, containers: readonly RunningContainer[]): Promise<boolean> {
    while (containers.some(({ underWay }) => underWay > 0)) {
      const leftMs = endMs - this.#clock.monotonic();
      if (leftMs <= 0) return false;
      await sleep(this.#clock, Math.min(POLL_MS, leftMs));
    }
    return true;
  }
}
