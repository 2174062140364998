import type { ByteSource } from "../../wasi/index.ts";
import type { Invocation, Outcome } from "../guest.ts";
import type { Ending } from "../instance/unwind.ts";

/** A run that could not answer at once: it waits for its turn, or runs in the sliced lane. */
export class Task {
  readonly outcome: Promise<Outcome>;
  readonly #resolve: (outcome: Outcome) => void;
  #invocation: Invocation;
  #mayBeFast: boolean;
  #lostMs = 0;
  #stop: ((ending: Ending) => void) | undefined;
  #timer: Disposable | undefined;
  #isDone = false;

  constructor(invocation: Invocation, mayBeFast: boolean) {
    this.#invocation = invocation;
    this.#mayBeFast = mayBeFast;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.outcome = promise;
    this.#resolve = resolve;
  }

  /** What to run; its input begins at the beginning, also after an abandoned attempt. */
  get invocation(): Invocation {
    return this.#invocation;
  }

  /** Whether it may be tried in the fast lane. */
  get mayBeFast(): boolean {
    return this.#mayBeFast;
  }

  /** Guest time of attempts that were abandoned. */
  get lostMs(): number {
    return this.#lostMs;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** An attempt in the fast lane came to nothing: what follows is a replay. */
  abandoned(stdin: ByteSource, ms: number): void {
    this.#invocation = { ...this.#invocation, stdin };
    this.#mayBeFast = false;
    this.#lostMs += ms;
  }

  /** How to end the task in the state it is in from now on. */
  onStop(stop: (ending: Ending) => void): void {
    this.#stop = stop;
  }

  /** Ends the task, whatever its state. */
  stop(ending: Ending): void {
    if (!this.#isDone) this.#stop?.(ending);
  }

  /** The timer of its deadline, disposed at its end. */
  armed(timer: Disposable): void {
    this.#timer = timer;
  }

  finish(outcome: Outcome): void {
    this.#isDone = true;
    this.#timer?.[Symbol.dispose]();
    this.#resolve(outcome);
  }
}
