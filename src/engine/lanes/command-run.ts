import type { EngineContext } from "../engine-context.ts";
import type { Invocation } from "../guest.ts";
import type { GuestInstance } from "../instance/guest-instance.ts";
import type { Occupant } from "../instance/occupant.ts";
import { type Ending, endingOfHostError, endingOfTrap, EXITED, UNWIND } from "../instance/unwind.ts";

/** How often a command that computes looks at its deadline: often enough to keep the epoch's lease. */
const LOOK_MS = 20;

/** A run that has its thread to itself: only its deadline ends it, and whoever ends the thread. */
export class CommandRun implements Occupant {
  readonly invocation: Invocation;
  readonly #instance: GuestInstance;
  readonly #context: EngineContext;
  #ending: Ending | undefined;

  constructor(invocation: Invocation, instance: GuestInstance, context: EngineContext) {
    this.invocation = invocation;
    this.#instance = instance;
    this.#context = context;
  }

  /** Calls the entry point, to the end. */
  run(): Ending {
    this.#allow();
    try {
      for (const name of this.#instance.entries(this.invocation.entrypoint)) this.#instance.call(name);
    } catch (error) {
      this.#ending ??= endingOfTrap(error);
    }
    return this.#ending ?? EXITED;
  }

  overrun(): boolean {
    if (this.#context.clock.monotonic() >= this.invocation.deadlineMs) {
      this.#ending ??= { kind: "stopped", reason: "deadline" };
    }
    if (this.#ending) throw UNWIND;
    this.#allow();
    return false;
  }

  pause(): Promise<void> {
    throw this.fail(new Error("a command that blocks its thread cannot be suspended"));
  }

  wait(): Promise<number> {
    throw this.fail(new Error("a command that blocks its thread cannot wait for a promise"));
  }

  fail(error: unknown): Error {
    if (error !== UNWIND) this.#ending ??= endingOfHostError(error);
    return UNWIND;
  }

  /** Never aborted: the thread does nothing else meanwhile. */
  signal(): AbortSignal {
    return new AbortController().signal;
  }

  #allow(): void {
    const epoch = this.#context.epoch.renew();
    const leftMs = this.invocation.deadlineMs - this.#context.clock.monotonic();
    this.#instance.controls.deadline = (epoch + Math.max(0, Math.ceil(Math.min(leftMs, LOOK_MS)))) | 0;
  }
}
