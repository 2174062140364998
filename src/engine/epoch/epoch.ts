/**
 * The epoch: a counter of milliseconds (i32, modulo 2^32) in one page of shared memory that every instrumented module imports.
 * It stands still while no guest runs: whoever runs one holds a lease, and the ticker sleeps once the last lease is over. A lease
 * ends by itself, so a thread that is ended in the middle of a guest leaves nothing behind.
 */
export const EPOCH_WORD = { now: 0, lease: 1, asleep: 2 } as const;

/** Milliseconds of the epoch for which a run keeps the ticker awake. */
const LEASE_MS = 100;
const RENEW_BELOW_MS = 50;

/** The process's epoch. Made once, its memory sent to every thread and to the ticker. */
export function createEpoch(): { readonly memory: WebAssembly.Memory; readonly buffer: SharedArrayBuffer } {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  return { memory, buffer: memory.buffer as unknown as SharedArrayBuffer };
}

/** One thread's view of the epoch. */
export class EpochLease {
  readonly memory: WebAssembly.Memory;
  readonly #words: Int32Array;
  #leasedUntil: number;

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#words = new Int32Array(memory.buffer);
    this.#leasedUntil = (Atomics.load(this.#words, EPOCH_WORD.now) - 1) | 0;
  }

  /** The epoch now. To be called when a guest gets the thread: the ticker then goes on for at least 50 ms. */
  renew(): number {
    const now = Atomics.load(this.#words, EPOCH_WORD.now);
    if (((this.#leasedUntil - now) | 0) < RENEW_BELOW_MS) this.#extend(now);
    return now;
  }

  #extend(now: number): void {
    this.#leasedUntil = (now + LEASE_MS) | 0;
    Atomics.store(this.#words, EPOCH_WORD.lease, this.#leasedUntil);
    if (Atomics.exchange(this.#words, EPOCH_WORD.asleep, 0) === 1) Atomics.notify(this.#words, EPOCH_WORD.asleep);
  }
}
