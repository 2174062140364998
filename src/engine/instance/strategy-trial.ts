import type { Strategy } from "./memory-restorer.ts";

/** Above, mapping is the default; copying overwrites all of the memory each time. */
const COPY_UP_TO_PAGES = 8;
/** Without mapping, above this a fresh instance is cheaper than copying. */
const COPY_UNMAPPED_UP_TO_PAGES = 40;
/** Above, copying need not be tried (1.1 ms for 16 MiB). */
const TRY_COPY_UP_TO_PAGES = 256;
/** Runs in a row with one candidate, of which the first few find cold caches. */
const ROUND_RUNS = 16;
const COLD_RUNS = 4;
/** Rounds of each candidate, in turns; only the last counts, as the first ones are slowed down by compiling. */
const ROUNDS = 2;
/** A candidate that is not the expected one must be cheaper by this much. */
const MARGIN = 0.9;

export interface TrialOptions {
  readonly canMap: boolean;
  /** No measuring: this one. */
  readonly forced?: Strategy;
}

/** Finds out over a module's first runs which way of recycling its instances is the cheapest. */
export class StrategyTrial {
  readonly #candidates: readonly Strategy[];
  readonly #costs = new Map<Strategy, number>();
  #round = 0;
  #runs: number[] = [];
  #decided: Strategy | undefined;

  constructor(pages: number, { canMap, forced }: TrialOptions) {
    this.#candidates = forced ? [forced] : candidatesFor(pages, canMap);
    if (this.#candidates.length === 1) this.#decided = this.#candidates[0];
  }

  /** What to use now: while measuring, the candidates in turns, the expected one first. */
  get current(): Strategy {
    return this.#decided ?? this.#candidates[this.#round % this.#candidates.length] ?? "copy";
  }

  get isDecided(): boolean {
    return this.#decided !== undefined;
  }

  /** What to use where nothing is measured. */
  get best(): Strategy {
    return this.#decided ?? this.#candidates[0] ?? "copy";
  }

  /** A run with `strategy` and its restoring took `ms`. */
  note(strategy: Strategy, ms: number): void {
    if (this.#decided || strategy !== this.current) return;
    this.#runs.push(ms);
    if (this.#runs.length < ROUND_RUNS) return;
    this.#costs.set(strategy, lowerQuartile(this.#runs.slice(COLD_RUNS)));
    this.#runs = [];
    this.#round++;
    if (this.#round === ROUNDS * this.#candidates.length) this.#decided = this.#cheapest();
  }

  #cheapest(): Strategy {
    let [cheapest = "copy"] = this.#candidates;
    for (const candidate of this.#candidates) {
      if (this.#cost(candidate) < this.#cost(cheapest) * MARGIN) cheapest = candidate;
    }
    return cheapest;
  }

  #cost(strategy: Strategy): number {
    return this.#costs.get(strategy) ?? Infinity;
  }
}

function candidatesFor(pages: number, canMap: boolean): readonly Strategy[] {
  if (pages === 0) return ["copy"];
  if (!canMap) return [pages <= COPY_UNMAPPED_UP_TO_PAGES ? "copy" : "fresh"];
  if (pages <= COPY_UP_TO_PAGES) return ["copy", "cow"];
  return pages <= TRY_COPY_UP_TO_PAGES ? ["cow", "copy"] : ["cow"];
}

/** Most runs are interrupted by nothing; those that were say nothing about the guest. */
function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 2] ?? 0;
}
