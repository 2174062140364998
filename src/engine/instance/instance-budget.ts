/** What the budget asks of a pool. */
export interface IdleInstances {
  readonly idleSinceMs: number | undefined;
  dropOldest(): void;
  trimIdleSince(beforeMs: number): void;
}

/** Counts a thread's instances, idle and running; makes room by discarding the one that was idle longest, of whatever module. */
export class InstanceBudget {
  readonly #max: number;
  readonly #onRoom: () => void;
  readonly #pools = new Set<IdleInstances>();
  #live = 0;

  /** `onRoom` is called each time an instance was given back, to be used again or discarded. */
  constructor(max: number, onRoom: () => void) {
    this.#max = max;
    this.#onRoom = onRoom;
  }

  get live(): number {
    return this.#live;
  }

  add(pool: IdleInstances): void {
    this.#pools.add(pool);
  }

  remove(pool: IdleInstances): void {
    this.#pools.delete(pool);
  }

  /** Whether a pool may still keep instances: not once it is closed. */
  isKept(pool: IdleInstances): boolean {
    return this.#pools.has(pool);
  }

  /** Room for one more instance; false when all are running. */
  reserve(): boolean {
    if (this.#live >= this.#max) this.#oldest()?.dropOldest();
    if (this.#live >= this.#max) return false;
    this.#live++;
    return true;
  }

  release(): void {
    this.#live--;
    this.#onRoom();
  }

  /** An instance became idle, which `reserve` may discard. */
  madeRoom(): void {
    this.#onRoom();
  }

  /** Discards instances idle since before `beforeMs`, and trims those idle since before `trimBeforeMs`. */
  sweep(beforeMs: number, trimBeforeMs: number): void {
    for (const pool of this.#pools) {
      while ((pool.idleSinceMs ?? Infinity) < beforeMs) pool.dropOldest();
      pool.trimIdleSince(trimBeforeMs);
    }
  }

  #oldest(): IdleInstances | undefined {
    let oldest: IdleInstances | undefined;
    for (const pool of this.#pools) {
      if ((pool.idleSinceMs ?? Infinity) < (oldest?.idleSinceMs ?? Infinity)) oldest = pool;
    }
    return oldest;
  }
}
