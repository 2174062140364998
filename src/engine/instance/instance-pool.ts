import type { EngineContext } from "../engine-context.ts";
import { GuestInstance } from "./guest-instance.ts";
import type { Image } from "./image.ts";
import type { InstanceBudget } from "./instance-budget.ts";
import { canMapMemory } from "./native-memory.ts";
import { StrategyTrial } from "./strategy-trial.ts";
import { UnusableModuleError } from "./unusable-module-error.ts";
import type { Lane } from "./wasi-host.ts";

/** Runs of a module on this thread that say nothing about its speed: functions are compiled at their first call. */
const WARM_UP_RUNS = 8;

/** Clean instances of one module under one memory limit, shared by all guests that run it. */
export class InstancePool {
  readonly image: Image;
  /** Largest memory of an instance, in pages. */
  readonly maxPages: number;
  readonly #trial: StrategyTrial;
  readonly #context: EngineContext;
  readonly #budget: InstanceBudget;
  readonly #idle: Record<Lane, GuestInstance[]> = { fast: [], sliced: [], blocking: [] };
  readonly #trimmed = new WeakSet<GuestInstance>();
  #runs = 0;

  constructor(image: Image, maxPages: number, context: EngineContext, budget: InstanceBudget) {
    this.image = image;
    this.maxPages = maxPages;
    this.#context = context;
    this.#budget = budget;
    const { strategy } = context.settings;
    this.#trial = new StrategyTrial(image.pages, { canMap: canMapMemory(), ...(strategy ? { forced: strategy } : {}) });
    budget.add(this);
  }

  /** Whether runs are still slowed down by compiling. */
  get isWarmingUp(): boolean {
    return this.#runs < WARM_UP_RUNS;
  }

  get idleCount(): number {
    return this.#idle.fast.length + this.#idle.sliced.length;
  }

  /** Linear memory of idle instances, in bytes. */
  get idleBytes(): number {
    return [...this.#idle.fast, ...this.#idle.sliced].reduce((sum, { memory }) => sum + memory.buffer.byteLength, 0);
  }

  /** A clean instance for one run; undefined when the thread has no room for another. Throws as `GuestInstance` does. */
  take(lane: Lane): GuestInstance | undefined {
    if (this.image.fault) throw this.image.fault;
    this.#runs++;
    const wanted = this.#strategy(lane);
    for (;;) {
      const idle = this.#idle[lane].pop();
      if (!idle) break;
      if (idle.strategy === wanted || idle.strategy === "fresh") return idle;
      this.#budget.release();
    }
    if (!this.#budget.reserve()) return undefined;
    try {
      return new GuestInstance(this.image, lane, wanted, this.#context);
    } catch (error) {
      this.#budget.release();
      if (error instanceof UnusableModuleError) this.image.fault = error;
      throw error;
    }
  }

  /** Takes an instance back after its run: it is cleaned and kept, or discarded. */
  give(instance: GuestInstance): void {
    if (instance.end()) this.giveUnused(instance);
    else this.#budget.release();
  }

  /** Takes back a clean instance. */
  giveUnused(instance: GuestInstance): void {
    if (instance.strategy === "fresh" || !this.#budget.isKept(this)) {
      this.#budget.release();
      return;
    }
    this.#trimmed.delete(instance);
    instance.usedAtMs = this.#context.clock.monotonic();
    this.#idle[instance.lane].push(instance);
    this.#budget.madeRoom();
  }

  /** A run on `instance` and its restoring took `ms`: tells which way of recycling is the cheapest. */
  note(instance: GuestInstance, ms: number): void {
    if (this.#trial.isDecided) return;
    this.#trial.note(instance.strategy, ms);
    if (this.#trial.isDecided && this.#trial.best === "copy") this.image.closeFile();
  }

  /** Has instances give memory back that have been idle since before `beforeMs`, once. */
  trimIdleSince(beforeMs: number): void {
    for (const instance of [...this.#idle.fast, ...this.#idle.sliced]) {
      if (instance.usedAtMs >= beforeMs || this.#trimmed.has(instance)) continue;
      this.#trimmed.add(instance);
      instance.trim();
    }
  }

  /** When its longest idle instance was last used; undefined without idle ones. */
  get idleSinceMs(): number | undefined {
    const times = [this.#idle.fast[0], this.#idle.sliced[0]].flatMap((each) => (each ? [each.usedAtMs] : []));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Discards the instance that has been idle longest. */
  dropOldest(): void {
    const { fast, sliced } = this.#idle;
    const [a, b] = [fast[0], sliced[0]];
    const line = a && (!b || a.usedAtMs <= b.usedAtMs) ? fast : sliced;
    if (line.shift()) this.#budget.release();
  }

  close(): void {
    while (this.idleCount > 0) this.dropOldest();
    this.#budget.remove(this);
  }

  #strategy(lane: Lane) {
    if (this.image.obstacle !== undefined) return "fresh";
    return lane === "fast" ? this.#trial.current : this.#trial.best;
  }
}
