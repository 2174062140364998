import type { Invocation } from "../guest.ts";

/** Who is on an instance: a run in one of the lanes. Called by the instance's imports while the guest is on the thread. */
export interface Occupant {
  readonly invocation: Invocation;
  /** A check found the deadline passed. Answers whether to suspend the guest; throws `UNWIND` to end the run. */
  overrun(): boolean;
  /** Suspends the guest until its next turn. Only called after `overrun` answered true. */
  pause(): Promise<void>;
  /** The guest waits for a host function's promise. Throws `UNWIND` where it cannot. */
  wait(event: Promise<number>): Promise<number>;
  /** A host function threw: notes how the run ends (the first note counts) and answers what to throw at the guest. */
  fail(error: unknown): Error;
  /** Aborted when the run ends. */
  signal(): AbortSignal;
}
