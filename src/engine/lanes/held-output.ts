import type { ByteSink } from "../../wasi/index.ts";

const FIRST_BYTES = 16 * 1024;
/** A buffer that grew larger is not kept for the next run. */
const KEPT_BYTES = 1024 * 1024;

/** Thrown when a run writes more than may be held back. */
export class HeldOutputFull extends Error {}

/** Output of a run in the fast lane, held back until the run is known to count. Used by one run after the other. */
export class HeldOutput implements ByteSink {
  readonly #maxBytes: number;
  #buffer = new Uint8Array(0);
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  write(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#maxBytes) throw new HeldOutputFull();
    if (length > this.#buffer.length) this.#enlarge(length);
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  /** Passes everything on; throws what the sink throws. */
  commit(sink: ByteSink): void {
    const length = this.#length;
    this.#length = 0;
    if (length > 0) sink.write(this.#buffer.subarray(0, length));
    this.#shrink();
  }

  discard(): void {
    this.#length = 0;
    this.#shrink();
  }

  #enlarge(length: number): void {
    const larger = new Uint8Array(Math.max(FIRST_BYTES, 2 ** Math.ceil(Math.log2(length))));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  #shrink(): void {
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(0);
  }
}
