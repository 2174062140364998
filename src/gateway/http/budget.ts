/** Bytes that a thread may hold for its clients in all, charged by those who hold them. */
export class Budget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get isExhausted(): boolean {
    return this.#usedBytes >= this.#maxBytes;
  }

  fits(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#maxBytes;
  }

  /** Charges bytes that are held already; negative ones are given back. */
  charge(bytes: number): void {
    this.#usedBytes += bytes;
  }
}
