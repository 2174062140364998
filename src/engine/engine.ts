import type { Clock } from "../base/index.ts";
import type { EngineContext } from "./engine-context.ts";
import { EpochLease } from "./epoch/epoch.ts";
import { DEFAULT_GUEST_LIMITS, type Guest, type GuestLimits, type HostModule, type PreparedModule } from "./guest.ts";
import { Image } from "./instance/image.ts";
import { InstanceBudget } from "./instance/instance-budget.ts";
import { InstancePool } from "./instance/instance-pool.ts";
import { maxPagesOf } from "./instance/page-limit.ts";
import { type CreateWasiHost, wasiHosts, type WasiLimits } from "./instance/wasi-host.ts";
import { GuestRunner } from "./lanes/guest-runner.ts";
import type { ThreadLanes } from "./lanes/thread-lanes.ts";
import { HeldOutput } from "./lanes/held-output.ts";
import type { EventLoop } from "./scheduling/loop-events.ts";
import { type SlicePolicy, TIMED_SLICES } from "./scheduling/slice-policy.ts";
import { Turns } from "./scheduling/turns.ts";
import { DEFAULT_ENGINE_SETTINGS, type EngineSettings, MAX_SLICE_MS } from "./settings.ts";

/** How often idle instances are looked at; those not used since the last look take less memory from then on. */
const SWEEP_MS = 30_000;

export interface EngineOptions {
  /** Memory of `createEpoch`; its ticker must run somewhere in the process. */
  readonly epoch: WebAssembly.Memory;
  /** What guests may import beside WASI. @default none */
  readonly hostModules?: readonly HostModule[];
  readonly clock: Clock;
  /** Differences from `DEFAULT_ENGINE_SETTINGS`. */
  readonly settings?: Partial<EngineSettings>;
  /** Differences from `DEFAULT_WASI_LIMITS`. */
  readonly wasiLimits?: Partial<WasiLimits>;
  /** A run could not be ended: this thread is to be replaced. */
  readonly onStuck?: (digest: string) => void;
  /** For tests: when checks fire, the event loop, WASI. */
  readonly testing?: { readonly slices?: SlicePolicy; readonly loop?: EventLoop; readonly wasi?: CreateWasiHost };
}

/** Runs guests on one thread. */
export interface Engine extends AsyncDisposable {
  /**
   * Makes a module ready to run under a container's limits. Cheap: instances are made by the first run and shared by all guests with
   * the same module and memory limit. Throws `UnusableModuleError` for an import that nobody offers or a memory that is too small.
   */
  load(prepared: PreparedModule, limits?: GuestLimits): Guest;
  /** Instances on this thread, running and idle, and runs that are not done. */
  counts(): { readonly instances: number; readonly runs: number };
  /** Ends all runs with `stopped: closed` and frees everything. */
  close(): Promise<void>;
}

/** Makes the engine of the calling thread. See docs/rationale.md, "Engine". */
export function createEngine(options: EngineOptions): Engine {
  return new ThreadEngine(options);
}

/** Images and pools while some guest uses them. */
interface Shared<T> {
  readonly value: T;
  users: number;
}

class ThreadEngine implements Engine {
  readonly #context: EngineContext;
  readonly #lanes: ThreadLanes;
  readonly #budget: InstanceBudget;
  readonly #images = new Map<string, Shared<Image>>();
  readonly #pools = new Map<string, Shared<InstancePool>>();
  readonly #guests = new Set<GuestRunner>();
  #sweep: Disposable | undefined;

  constructor(options: EngineOptions) {
    const settings = { ...DEFAULT_ENGINE_SETTINGS, ...options.settings };
    if (!(settings.sliceMs > 0 && settings.sliceMs <= MAX_SLICE_MS)) {
      throw new RangeError(`sliceMs is ${settings.sliceMs}; it must be above 0 and at most ${MAX_SLICE_MS}`);
    }
    this.#context = {
      clock: options.clock,
      epoch: new EpochLease(options.epoch),
      hostModules: new Map((options.hostModules ?? []).map((each) => [each.name, each])),
      createWasiHost: options.testing?.wasi ?? wasiHosts(options.wasiLimits),
      settings: { ...settings, slices: options.testing?.slices ?? TIMED_SLICES },
    };
    this.#budget = new InstanceBudget(settings.maxInstances, () => this.#onRoom());
    this.#lanes = {
      turns: new Turns(options.clock, settings.turnMs, options.testing?.loop),
      stdout: new HeldOutput(settings.fastOutputBytes),
      stderr: new HeldOutput(settings.fastOutputBytes),
      starved: new Set(),
      onStuck: options.onStuck ?? (() => {}),
    };
  }

  load(prepared: PreparedModule, limits: GuestLimits = DEFAULT_GUEST_LIMITS): Guest {
    const pool = this.#sharePool(prepared, limits);
    this.#scheduleSweep();
    const guest = new GuestRunner(pool, limits, this.#context, this.#lanes, () => {
      this.#guests.delete(guest);
      this.#unsharePool(pool);
    });
    this.#guests.add(guest);
    return guest;
  }

  counts(): { readonly instances: number; readonly runs: number } {
    let runs = 0;
    for (const guest of this.#guests) runs += guest.pending;
    return { instances: this.#budget.live, runs };
  }

  async close(): Promise<void> {
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    await Promise.all([...this.#guests].map((guest) => guest.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #sharePool(prepared: PreparedModule, limits: GuestLimits): InstancePool {
    const maxPages = maxPagesOf(prepared.layout, limits);
    const key = `${prepared.digest} ${maxPages}`;
    let pool = this.#pools.get(key);
    if (!pool) {
      pool = { value: new InstancePool(this.#shareImage(prepared), maxPages, this.#context, this.#budget), users: 0 };
      this.#pools.set(key, pool);
    }
    pool.users++;
    return pool.value;
  }

  #unsharePool(pool: InstancePool): void {
    const key = `${pool.image.digest} ${pool.maxPages}`;
    const shared = this.#pools.get(key);
    if (!shared || --shared.users > 0) return;
    this.#pools.delete(key);
    pool.close();
    const image = this.#images.get(pool.image.digest);
    if (!image || --image.users > 0) return;
    this.#images.delete(pool.image.digest);
    pool.image.closeFile();
  }

  #shareImage(prepared: PreparedModule): Image {
    let image = this.#images.get(prepared.digest);
    if (!image) {
      image = { value: new Image(prepared, this.#context.hostModules), users: 0 };
      this.#images.set(prepared.digest, image);
    }
    image.users++;
    return image.value;
  }

  /** Instances were given back: whoever has the fewest runs under way goes first. */
  #onRoom(): void {
    const { starved } = this.#lanes;
    if (starved.size === 0) return;
    const [next] = [...starved].toSorted((a, b) => a.underWay - b.underWay);
    if (!next) return;
    starved.delete(next);
    queueMicrotask(() => next.retry());
  }

  #scheduleSweep(): void {
    this.#sweep ??= this.#context.clock.after(SWEEP_MS, () => {
      this.#sweep = undefined;
      const now = this.#context.clock.monotonic();
      this.#budget.sweep(now - this.#context.settings.idleMs, now - SWEEP_MS);
      if (this.#guests.size > 0) this.#scheduleSweep();
    });
  }
}
