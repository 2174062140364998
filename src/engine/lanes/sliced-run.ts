import type { EngineContext } from "../engine-context.ts";
import type { Invocation } from "../guest.ts";
import type { GuestInstance } from "../instance/guest-instance.ts";
import type { Occupant } from "../instance/occupant.ts";
import { type Ending, endingOfHostError, endingOfTrap, EXITED, UNWIND } from "../instance/unwind.ts";
import type { Turns } from "../scheduling/turns.ts";

/** A run that was told to end and is still there after this time is reported: its thread cannot be trusted any more. */
export const STUCK_AFTER_MS = 1000;

/** While a guest is on the thread. */
interface Span {
  readonly sinceMs: number;
  /** How long it may be: what is left of the turn, at most a slice. */
  readonly sliceMs: number;
  /** Time of other guests' quick runs before it. */
  readonly quickMs: number;
  /** Whether the thread was granted to it, and is to be given back. */
  readonly isGranted: boolean;
}

/** A run on a stack of its own: suspended at the end of each slice and while the guest waits. */
export class SlicedRun implements Occupant {
  readonly invocation: Invocation;
  readonly #instance: GuestInstance;
  readonly #context: EngineContext;
  readonly #turns: Turns;
  #spentMs = 0;
  #waited = false;
  #ending: Ending | undefined;
  #abort: AbortController | undefined;
  #span: Span | undefined;
  /** While it is suspended: rejects what it waits for. */
  #interrupt: ((reason: Error) => void) | undefined;
  #giveUpTurn: (() => void) | undefined;

  constructor(invocation: Invocation, instance: GuestInstance, context: EngineContext, turns: Turns) {
    this.invocation = invocation;
    this.#instance = instance;
    this.#context = context;
    this.#turns = turns;
  }

  /** Guest time so far. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** Whether it had to wait for something else than its turn. */
  get waited(): boolean {
    return this.#waited;
  }

  /** Runs to the end. To be called when the thread was granted to this run; gives it back each time the guest leaves it. */
  async run(): Promise<Ending> {
    this.#enter(true);
    try {
      for (const name of this.#instance.entries(this.invocation.entrypoint)) await this.#instance.callSuspendable(name);
    } catch (error) {
      this.#ending ??= endingOfTrap(error);
    }
    this.#leave();
    this.#abort?.abort();
    return this.#ending ?? EXITED;
  }

  /**
   * Ends the run as `ending` says: at once when it is suspended, at its next check when it is on the thread. A suspension is
   * rejected, never dropped, as it would keep its stack for ever.
   */
  stop(ending: Ending): void {
    if (this.#ending) return;
    this.#ending = ending;
    this.#instance.controls.deadline = (this.#context.epoch.renew() - 1) | 0;
    this.#giveUpTurn?.();
    this.#abort?.abort();
    const interrupt = this.#interrupt;
    if (!interrupt) return;
    this.#interrupt = undefined;
    this.#enter(false);
    interrupt(UNWIND);
    this.#instance.wasi.cancel(UNWIND);
  }

  overrun(): boolean {
    if (this.#ending) throw UNWIND;
    const now = this.#context.clock.monotonic();
    if (now >= this.invocation.deadlineMs) {
      this.#ending = { kind: "stopped", reason: "deadline" };
      throw UNWIND;
    }
    const { sinceMs = now, sliceMs = 0 } = this.#span ?? {};
    if (this.#context.settings.slices.isOver(now - sinceMs, sliceMs)) return true;
    this.#allow(now, sliceMs - (now - sinceMs));
    return false;
  }

  pause(): Promise<void> {
    return this.#suspend((resume) => resume(undefined));
  }

  wait(event: Promise<number>): Promise<number> {
    this.#waited = true;
    return this.#suspend((resume, reject) => {
      event.then(resume, (error: unknown) => reject(this.fail(error)));
    });
  }

  fail(error: unknown): Error {
    if (error !== UNWIND) this.#ending ??= endingOfHostError(error);
    return UNWIND;
  }

  signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  /** Leaves the thread until `start` calls one of its functions and, after that, it is this account's turn. */
  #suspend<T>(start: (resume: (value: T) => void, reject: (reason: Error) => void) => void): Promise<T> {
    this.#leave();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#interrupt = reject;
    start(
      (value) => this.#atNextTurn(() => resolve(value)),
      (reason) => this.#atNextTurn(() => reject(reason)),
    );
    return promise;
  }

  #atNextTurn(settle: () => void): void {
    // Without it the run was stopped meanwhile.
    if (!this.#interrupt) return;
    let isGranted = false;
    const giveUp = this.#turns.wait(this.invocation.account, () => {
      isGranted = true;
      this.#giveUpTurn = undefined;
      this.#interrupt = undefined;
      this.#enter(true);
      settle();
    });
    if (!isGranted) this.#giveUpTurn = giveUp;
  }

  #enter(isGranted: boolean): void {
    const now = this.#context.clock.monotonic();
    const sliceMs = Math.min(this.#context.settings.sliceMs, this.#turns.leftMs);
    this.#span = { sinceMs: now, sliceMs, quickMs: this.#turns.quickMs, isGranted };
    if (!this.#ending) this.#allow(now, sliceMs);
  }

  /** Notes the time since `#enter`, less what quick runs of other guests took in between. */
  #leave(): void {
    const span = this.#span;
    if (!span) return;
    this.#span = undefined;
    const othersMs = this.#turns.quickMs - span.quickMs;
    const ms = Math.max(0, this.#context.clock.monotonic() - span.sinceMs - othersMs);
    this.#spentMs += ms;
    this.invocation.account.cpuMs += ms;
    if (span.isGranted) this.#turns.left(this.invocation.account, ms);
    else this.#turns.charge(this.invocation.account, ms);
  }

  #allow(now: number, sliceLeftMs: number): void {
    const { epoch, settings } = this.#context;
    const allowedMs = Math.min(sliceLeftMs, this.invocation.deadlineMs - now);
    this.#instance.controls.deadline = settings.slices.until(epoch.renew(), allowedMs);
  }
}
