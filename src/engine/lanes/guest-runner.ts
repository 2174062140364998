import type { WasiProcess } from "../instance/wasi-host.ts";
import { SinkFull } from "../../wasi/index.ts";
import type { EngineContext } from "../engine-context.ts";
import type { Guest, GuestLimits, Invocation, Outcome } from "../guest.ts";
import type { GuestInstance } from "../instance/guest-instance.ts";
import { UnusableModuleError } from "../instance/unusable-module-error.ts";
import type { InstancePool } from "../instance/instance-pool.ts";
import type { Ending } from "../instance/unwind.ts";
import { RunEstimate } from "../scheduling/run-estimate.ts";
import { TimeBudget } from "../scheduling/time-budget.ts";
import { FastAttempt } from "./fast-attempt.ts";
import { KeptInput } from "./kept-input.ts";
import { outcomeOf } from "./outcome.ts";
import { SlicedRun, STUCK_AFTER_MS } from "./sliced-run.ts";
import { Task } from "./task.ts";
import type { Starved, ThreadLanes } from "./thread-lanes.ts";

const BUSY: Outcome = { kind: "busy" };
const DEADLINE: Ending = { kind: "stopped", reason: "deadline" };
const CLOSED: Ending = { kind: "stopped", reason: "closed" };
const PAGE_BYTES = 65_536;

/** Expected to end within this part of a slice: worth an attempt in the fast lane. */
const FAST_PART = 0.8;

/** What an attempt in the fast lane came to: an outcome, or the input for a replay, or no room for an instance. */
type Attempted =
  | { readonly kind: "ended"; readonly outcome: Outcome }
  | { readonly kind: "abandoned"; readonly stdin: KeptInput; readonly ms: number }
  | { readonly kind: "no-room" };

/** A module under one container's limits: decides the lane of each run and bounds how many there are. */
export class GuestRunner implements Guest, Starved {
  readonly #pool: InstancePool;
  readonly #limits: GuestLimits;
  readonly #context: EngineContext;
  readonly #lanes: ThreadLanes;
  readonly #onClosed: () => void;
  readonly #estimate = new RunEstimate();
  readonly #abandonBudget: TimeBudget;
  readonly #entrypoints = new Set<string>();
  readonly #tasks = new Set<Task>();
  /** For one of the guest's places. */
  readonly #waiting = new Set<Task>();
  /** For an instance. */
  readonly #hungry = new Set<Task>();
  #underWay = 0;
  #isClosed = false;

  constructor(
    pool: InstancePool,
    limits: GuestLimits,
    context: EngineContext,
    lanes: ThreadLanes,
    onClosed: () => void,
  ) {
    this.#pool = pool;
    this.#limits = limits;
    this.#context = context;
    this.#lanes = lanes;
    this.#onClosed = onClosed;
    this.#abandonBudget = new TimeBudget(context.settings.abandonMs.burst, context.settings.abandonMs.perSecond);
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** Runs that are not done, waiting ones included. */
  get pending(): number {
    return this.#tasks.size;
  }

  run(invocation: Invocation): Outcome | Promise<Outcome> {
    if (this.#isClosed) return outcomeOf(CLOSED, { cpuMs: 0, wasRefusedMemory: false });
    const now = this.#context.clock.monotonic();
    if (now >= invocation.deadlineMs) return outcomeOf(DEADLINE, { cpuMs: 0, wasRefusedMemory: false });
    const mayBeFast = this.#mayBeFast(invocation, now);
    const isQuick = mayBeFast && this.#estimate.expectedMs(now) < this.#context.settings.quickMs;
    if (!isQuick || !this.#lanes.turns.hasRoom) return this.#admit(new Task(invocation, mayBeFast), now);
    const attempted = this.#attempt(invocation, now, false);
    if (attempted.kind === "ended") return attempted.outcome;
    const task = new Task(invocation, true);
    if (attempted.kind === "abandoned") task.abandoned(attempted.stdin.replay(), attempted.ms);
    return this.#admit(task, now);
  }

  memoryBytes(): number {
    return this.#pool.idleBytes + this.#underWay * this.#pool.image.pages * PAGE_BYTES;
  }

  async close(): Promise<void> {
    const isFirst = !this.#isClosed;
    this.#isClosed = true;
    const outcomes = [...this.#tasks].map((task) => task.outcome);
    for (const task of this.#tasks) task.stop(CLOSED);
    await Promise.all(outcomes);
    if (isFirst) this.#onClosed();
  }

  retry(): void {
    const [task] = this.#hungry;
    if (!task) return;
    this.#hungry.delete(task);
    if (this.#hungry.size > 0) this.#lanes.starved.add(this);
    this.#takeTurn(task);
  }

  /** Runs with effects outside the instance, or that will not end soon, start where they need not be replayed. */
  #mayBeFast(invocation: Invocation, now: number): boolean {
    if (invocation.live || this.#pool.image.mayWait) return false;
    for (const { readOnly } of invocation.preopens) if (!readOnly) return false;
    if (this.#estimate.isLikelyToWait(now) || !this.#abandonBudget.hasLeft(now)) return false;
    return this.#estimate.expectedMs(now) < this.#context.settings.sliceMs * FAST_PART;
  }

  #attempt(invocation: Invocation, startedAtMs: number, granted: boolean): Attempted {
    const { stdout, stderr, turns } = this.#lanes;
    const instance = this.#takeInstance("fast", invocation.entrypoint);
    if (!instance) return { kind: "no-room" };
    if ("kind" in instance) {
      if (granted) turns.left(invocation.account, 0);
      return { kind: "ended", outcome: instance };
    }
    const attempt = new FastAttempt(invocation, instance, this.#context, startedAtMs);
    const stdin = new KeptInput(invocation.stdin);
    instance.begin(attempt, processOf(invocation, stdin, stdout, stderr), this.#pool.maxPages);
    const ending = attempt.run();
    const { wasRefusedMemory } = instance.controls;
    this.#pool.give(instance);
    const now = this.#context.clock.monotonic();
    const ms = now - startedAtMs;
    invocation.account.cpuMs += ms;
    if (granted) turns.left(invocation.account, ms);
    else turns.chargeQuick(invocation.account, ms);
    if (ending.kind === "abandoned") {
      stdout.discard();
      stderr.discard();
      this.#abandonBudget.spend(ms, now);
      return { kind: "abandoned", stdin, ms };
    }
    if (!this.#pool.isWarmingUp) this.#estimate.note(ms, false, now);
    if (ending.kind === "exited") this.#pool.note(instance, ms);
    return { kind: "ended", outcome: outcomeOf(this.#commit(invocation, ending), { cpuMs: ms, wasRefusedMemory }) };
  }

  /** Passes held output on; a sink that is full ends the run otherwise. */
  #commit(invocation: Invocation, ending: Ending): Ending {
    const { stdout, stderr } = this.#lanes;
    try {
      stdout.commit(invocation.stdout);
      stderr.commit(invocation.stderr);
      return ending;
    } catch (error) {
      stderr.discard();
      if (error instanceof SinkFull) return { kind: "stopped", reason: "output-limit" };
      throw error;
    }
  }

  #admit(task: Task, now: number): Promise<Outcome> | Outcome {
    const hasPlace = this.#underWay < this.#limits.concurrency;
    if (!hasPlace && this.#waiting.size >= this.#limits.queue) return BUSY;
    this.#tasks.add(task);
    if (task.invocation.deadlineMs !== Infinity) this.#arm(task, now);
    if (hasPlace) this.#start(task);
    else this.#wait(task, this.#waiting);
    return task.outcome;
  }

  /** Timers count from when the loop last looked at the clock, so they may be early by a slice. */
  #arm(task: Task, now: number): void {
    const { clock } = this.#context;
    const leftMs = task.invocation.deadlineMs - now;
    const timer = clock.after(Math.ceil(leftMs), () => {
      const firedAtMs = clock.monotonic();
      if (firedAtMs < task.invocation.deadlineMs) this.#arm(task, firedAtMs);
      else task.stop(DEADLINE);
    });
    task.armed(timer);
  }

  #start(task: Task): void {
    this.#underWay++;
    this.#takeTurn(task);
  }

  #wait(task: Task, line: Set<Task>): void {
    line.add(task);
    task.onStop((ending) => {
      line.delete(task);
      this.#finish(task, ending, line === this.#hungry);
    });
  }

  #takeTurn(task: Task): void {
    let isGranted = false;
    const giveUp = this.#lanes.turns.wait(task.invocation.account, () => {
      isGranted = true;
      this.#granted(task);
    });
    if (isGranted) return;
    task.onStop((ending) => {
      giveUp();
      this.#finish(task, ending, true);
    });
  }

  #granted(task: Task): void {
    const now = this.#context.clock.monotonic();
    if (!task.mayBeFast || !this.#mayBeFast(task.invocation, now)) {
      this.#runSliced(task);
      return;
    }
    const attempted = this.#attempt(task.invocation, now, true);
    if (attempted.kind === "ended") this.#done(task, attempted.outcome);
    else if (attempted.kind === "no-room") this.#starve(task);
    else {
      task.abandoned(attempted.stdin.replay(), attempted.ms);
      this.#takeTurn(task);
    }
  }

  #runSliced(task: Task): void {
    const { turns } = this.#lanes;
    const { invocation } = task;
    const instance = this.#takeInstance("sliced", invocation.entrypoint);
    if (!instance) {
      this.#starve(task);
      return;
    }
    if ("kind" in instance) {
      turns.left(invocation.account, 0);
      this.#done(task, instance);
      return;
    }
    const run = new SlicedRun(invocation, instance, this.#context, turns);
    const { stdin, stdout, stderr } = invocation;
    instance.begin(run, processOf(invocation, stdin, stdout, stderr), this.#pool.maxPages);
    task.onStop((ending) => {
      run.stop(ending);
      this.#context.clock.after(STUCK_AFTER_MS, () => {
        if (!task.isDone) this.#lanes.onStuck(this.#pool.image.digest);
      });
    });
    void run.run().then((ending) => this.#ended(task, instance, run, ending));
  }

  #ended(task: Task, instance: GuestInstance, run: SlicedRun, ending: Ending): void {
    const { wasRefusedMemory } = instance.controls;
    this.#pool.give(instance);
    if (!this.#pool.isWarmingUp) this.#estimate.note(run.spentMs, run.waited, this.#context.clock.monotonic());
    this.#done(task, outcomeOf(ending, { cpuMs: task.lostMs + run.spentMs, wasRefusedMemory }));
  }

  /** No room for an instance: the task waits until one is given back. Ends the turn that was granted to it. */
  #starve(task: Task): void {
    this.#lanes.turns.left(task.invocation.account, 0);
    this.#wait(task, this.#hungry);
    this.#lanes.starved.add(this);
  }

  #finish(task: Task, ending: Ending, isUnderWay: boolean): void {
    const outcome = outcomeOf(ending, { cpuMs: task.lostMs, wasRefusedMemory: false });
    if (isUnderWay) this.#done(task, outcome);
    else {
      this.#tasks.delete(task);
      task.finish(outcome);
    }
  }

  #done(task: Task, outcome: Outcome): void {
    this.#underWay--;
    this.#tasks.delete(task);
    task.finish(outcome);
    const [next] = this.#waiting;
    if (!next) return;
    this.#waiting.delete(next);
    this.#start(next);
  }

  /** A clean instance, the outcome when there can be none, or undefined when there is no room now. */
  #takeInstance(lane: "fast" | "sliced", entrypoint: string): GuestInstance | Outcome | undefined {
    try {
      this.#pool.image.requireEntrypoint(entrypoint);
      const instance = this.#pool.take(lane);
      if (!instance || this.#entrypoints.has(entrypoint)) return instance;
      const parameters = instance.parameters(entrypoint);
      if (parameters === 0) {
        this.#entrypoints.add(entrypoint);
        return instance;
      }
      this.#pool.giveUnused(instance);
      return { kind: "unusable", message: `The function "${entrypoint}" takes ${parameters} parameters, not none` };
    } catch (error) {
      if (error instanceof UnusableModuleError) return { kind: "unusable", message: error.message };
      // No address space for its memory.
      if (error instanceof RangeError) return BUSY;
      throw error;
    }
  }
}

function processOf(
  { args, env, preopens }: Invocation,
  stdin: WasiProcess["stdin"],
  stdout: WasiProcess["stdout"],
  stderr: WasiProcess["stderr"],
): WasiProcess {
  return { args, env, stdin, stdout, stderr, preopens };
}
