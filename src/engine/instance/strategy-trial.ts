import type { Strategy } from "./memory-restorer.ts";

/** Above, mapping is the default; copying overwrites all of the memory each time. */
const COPY_UP_TO_PAGES = 8;
/** Without mapping, above this a fresh instance is cheaper than copying. */
const COPY_UNMAPPED_UP_TO_PAGES = 40;
/** Above, copying need not be tried (1.1 ms for 16 MiB). */
const TRY_COPY_UP_TO_PAGES = 256;
/** Runs before one is measured: the first ones compile. */
const WARM_UP_RUNS = 3;
const MEASURED_RUNS = 7;

export interface TrialOptions {
  readonly canMap: boolean;
  /** No measuring: this one. */
  readonly forced?: Strategy;
}

/** Finds out over a module's first runs which way of recycling its instances is the cheapest. */
export class StrategyTrial {
  readonly #candidates: readonly Strategy[];
  readonly #medians: number[] = [];
  #runs: number[] = [];
  #decided: Strategy | undefined;

  constructor(pages: number, { canMap, forced }: TrialOptions) {
    this.#candidates = forced ? [forced] : candidatesFor(pages, canMap);
    if (this.#candidates.length === 1) this.#decided = this.#candidates[0];
  }

  /** What to use now: while measuring, each candidate in turn, the expected one first. */
  get current(): Strategy {
    return this.#decided ?? this.#candidates[this.#medians.length] ?? "copy";
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
    if (this.#runs.length < WARM_UP_RUNS + MEASURED_RUNS) return;
    this.#medians.push(median(this.#runs.slice(WARM_UP_RUNS)));
    this.#runs = [];
    if (this.#medians.length === this.#candidates.length) this.#decided = this.#cheapest();
  }

  #cheapest(): Strategy {
    const least = Math.min(...this.#medians);
    return this.#candidates[this.#medians.indexOf(least)] ?? "copy";
  }
}

function candidatesFor(pages: number, canMap: boolean): readonly Strategy[] {
  if (pages === 0) return ["copy"];
  if (!canMap) return [pages <= COPY_UNMAPPED_UP_TO_PAGES ? "copy" : "fresh"];
  if (pages <= COPY_UP_TO_PAGES) return ["copy", "cow"];
  return pages <= TRY_COPY_UP_TO_PAGES ? ["cow", "copy"] : ["cow"];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
