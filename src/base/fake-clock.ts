import type { Clock } from "./clock.ts";

/** A clock that stands still until a test moves it. Timers fire in order of their time. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, run: () => void): Disposable {
    const timer = { at: this.#monotonic + Math.max(0, delayMs), run };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Milliseconds until the next timer fires, or undefined when none is set. */
  get nextTimerMs(): number | undefined {
    if (this.#timers.size === 0) return undefined;
    return Math.min(...[...this.#timers].map((timer) => timer.at)) - this.#monotonic;
  }

  /** Moves time on by `ms`, firing due timers on the way and letting promises settle between them. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#moveTo(due.at);
      this.#timers.delete(due);
      due.run();
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    this.#moveTo(end);
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}
