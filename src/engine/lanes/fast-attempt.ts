import type { EngineContext } from "../engine-context.ts";
import type { Invocation } from "../guest.ts";
import type { GuestInstance } from "../instance/guest-instance.ts";
import type { Occupant } from "../instance/occupant.ts";
import { type Ending, endingOfHostError, endingOfTrap, EXITED, UNWIND } from "../instance/unwind.ts";
import { HeldOutputFull } from "./held-output.ts";

/** A synchronous run of a guest: it ends within its first slice or is abandoned. */
export class FastAttempt implements Occupant {
  readonly invocation: Invocation;
  readonly #instance: GuestInstance;
  readonly #context: EngineContext;
  readonly #startedAtMs: number;
  #ending: Ending | undefined;
  #abort: AbortController | undefined;

  constructor(invocation: Invocation, instance: GuestInstance, context: EngineContext, startedAtMs: number) {
    this.invocation = invocation;
    this.#instance = instance;
    this.#context = context;
    this.#startedAtMs = startedAtMs;
  }

  /** Calls the entry point on the instance that this run was put on. */
  run(): Ending {
    this.#allow(this.#startedAtMs);
    try {
      for (const name of this.#instance.entries(this.invocation.entrypoint)) this.#instance.call(name);
    } catch (error) {
      this.#ending ??= endingOfTrap(error);
    }
    this.#abort?.abort();
    return this.#ending ?? EXITED;
  }

  overrun(): boolean {
    if (this.#ending) throw UNWIND;
    const now = this.#context.clock.monotonic();
    if (now >= this.invocation.deadlineMs) this.#ending = { kind: "stopped", reason: "deadline" };
    else if (this.#isSliceOver(now)) {
      this.#ending = { kind: "abandoned", reason: "slice" };
    } else {
      this.#allow(now);
      return false;
    }
    throw UNWIND;
  }

  /** In mode "fast" WASI throws where it would wait, and modules with other waiting functions never come here. */
  pause(): Promise<void> {
    throw this.fail(new Error("a run in the fast lane cannot be suspended"));
  }

  wait(): Promise<number> {
    this.#ending ??= { kind: "abandoned", reason: "wait" };
    throw UNWIND;
  }

  fail(error: unknown): Error {
    if (error instanceof HeldOutputFull) this.#ending ??= { kind: "abandoned", reason: "output" };
    else if (error !== UNWIND) this.#ending ??= endingOfHostError(error);
    return UNWIND;
  }

  signal(): AbortSignal {
    return (this.#abort ??= new AbortController()).signal;
  }

  #isSliceOver(now: number): boolean {
    const { slices, sliceMs } = this.#context.settings;
    return slices.isOver(now - this.#startedAtMs, sliceMs);
  }

  #allow(now: number): void {
    const { epoch, settings } = this.#context;
    const spentMs = now - this.#startedAtMs;
    const allowedMs = Math.min(settings.sliceMs - spentMs, this.invocation.deadlineMs - now);
    this.#instance.controls.deadline = settings.slices.until(epoch.renew(), allowedMs);
  }
}
