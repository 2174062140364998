/** Time that may be lost: `burstMs` at once, refilled by `perSecondMs`. A guest whose budget is gone no longer gets the fast lane. */
export class TimeBudget {
  readonly #burstMs: number;
  readonly #perSecondMs: number;
  #leftMs: number;
  #refilledAtMs = 0;

  constructor(burstMs: number, perSecondMs: number) {
    this.#burstMs = burstMs;
    this.#perSecondMs = perSecondMs;
    this.#leftMs = burstMs;
  }

  hasLeft(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#leftMs > 0;
  }

  spend(ms: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#leftMs -= ms;
  }

  #refill(nowMs: number): void {
    const gained = ((nowMs - this.#refilledAtMs) / 1000) * this.#perSecondMs;
    this.#leftMs = Math.min(this.#burstMs, this.#leftMs + gained);
    this.#refilledAtMs = nowMs;
  }
}
