/** Weight of the latest run. */
const LATEST = 0.2;
/** What is known of a guest counts half after this time without runs. */
const HALF_LIFE_MS = 5000;
/** A run that took longer was slow itself; of a shorter one a busy machine may have taken a part, for some slices of its own. */
const SURE_MS = 20;
/** Such a run counts as no longer than this many times what was expected and a little: one says little, some in a row say all. */
const DOUBT = { times: 4, plusMs: 2 };
/** Longer runs count as this long, so that one of them is forgotten within some dozens of quick ones. */
const LONGEST_MS = 100;

/**
 * How long a guest's runs take, as far as recent ones tell. A decaying estimate: a machine that was busy or a cold start brands no
 * guest as slow for good.
 */
export class RunEstimate {
  #ms = 0;
  #waits = 0;
  #notedAtMs = 0;

  /** A run took `ms` of guest time; `waited` when it had to wait for something else than its turn. */
  note(ms: number, waited: boolean, nowMs: number): void {
    const kept = this.#kept(nowMs);
    const expectedMs = this.#ms * kept;
    this.#ms = expectedMs * (1 - LATEST) + believedMs(ms, expectedMs) * LATEST;
    this.#waits = this.#waits * kept * (1 - LATEST) + (waited ? LATEST : 0);
    this.#notedAtMs = nowMs;
  }

  /** Milliseconds that the next run is expected to take. */
  expectedMs(nowMs: number): number {
    return this.#ms * this.#kept(nowMs);
  }

  /** Whether the next run is likely to have to wait. */
  isLikelyToWait(nowMs: number): boolean {
    return this.#waits * this.#kept(nowMs) > 0.5;
  }

  #kept(nowMs: number): number {
    const idleMs = nowMs - this.#notedAtMs;
    // Under load the power would cost more than it tells.
    return idleMs < HALF_LIFE_MS / 50 ? 1 : 0.5 ** (idleMs / HALF_LIFE_MS);
  }
}

function believedMs(ms: number, expectedMs: number): number {
  if (ms > SURE_MS) return Math.min(ms, LONGEST_MS);
  return Math.min(ms, expectedMs * DOUBT.times + DOUBT.plusMs);
}
