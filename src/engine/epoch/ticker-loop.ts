import { EPOCH_WORD } from "./epoch.ts";

/** Steps the ticker takes; apart from its thread so that tests can take them one by one. */
export class TickerLoop {
  readonly #words: Int32Array;
  readonly #monotonic: () => number;
  #countedAt: number;

  constructor(words: Int32Array, monotonic: () => number) {
    this.#words = words;
    this.#monotonic = monotonic;
    this.#countedAt = monotonic();
  }

  /** Sleeps while no lease runs (without end: whoever extends one wakes it), else for a millisecond, and counts the time that went by. */
  step(): void {
    if (this.#leaseIsOver()) this.#sleep();
    else {
      Atomics.wait(this.#words, EPOCH_WORD.asleep, 0, 1);
      this.#count();
    }
  }

  #leaseIsOver(): boolean {
    const lease = Atomics.load(this.#words, EPOCH_WORD.lease);
    return ((lease - Atomics.load(this.#words, EPOCH_WORD.now)) | 0) < 0;
  }

  #sleep(): void {
    Atomics.store(this.#words, EPOCH_WORD.asleep, 1);
    // A lease taken between the look and the store has not seen this thread asleep.
    if (this.#leaseIsOver()) Atomics.wait(this.#words, EPOCH_WORD.asleep, 1);
    Atomics.store(this.#words, EPOCH_WORD.asleep, 0);
    this.#countedAt = this.#monotonic();
  }

  #count(): void {
    const elapsed = Math.floor(this.#monotonic() - this.#countedAt);
    if (elapsed <= 0) return;
    this.#countedAt += elapsed;
    Atomics.add(this.#words, EPOCH_WORD.now, elapsed);
  }
}
