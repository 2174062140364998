import type { Clock } from "../../base/index.ts";

/** Lets one loop sleep until somebody wakes it or a time has passed. */
export class Wakeup {
  readonly #clock: Clock;
  #woken = Promise.withResolvers<void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    this.#woken.resolve();
  }

  /** Calls of `wake` from now on count. */
  reset(): void {
    this.#woken = Promise.withResolvers();
  }

  /** Resolves when woken since the last `reset`, or after `ms`. */
  async wait(ms: number): Promise<void> {
    using _timer = this.#clock.after(ms, () => this.wake());
    await this.#woken.promise;
  }
}
