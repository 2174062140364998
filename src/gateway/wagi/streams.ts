import { type ByteSink, type ByteSource, SinkFull } from "../../wasi/index.ts";
import type { Budget } from "../http/budget.ts";

const EMPTY = Buffer.alloc(0);
const TRUNCATED = Buffer.from("\nwasipool: standard error of this request was cut here\n");

/** A request's body as standard input. */
export class BodySource implements ByteSource {
  readonly #body: Buffer;
  #offset = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  read(max: number): Uint8Array {
    const bytes = this.#body.subarray(this.#offset, this.#offset + max);
    this.#offset += bytes.length;
    return bytes;
  }
}

/** Standard output of one run, charged to the thread's budget until `release`. */
export class OutputSink implements ByteSink {
  readonly #maxBytes: number;
  readonly #budget: Budget;
  #chunks: Buffer[] | undefined;
  #first: Buffer = EMPTY;
  #length = 0;
  /** Whether the thread's budget, not the container's own limit, ended the run. */
  isOverBudget = false;

  constructor(maxBytes: number, budget: Budget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  write(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#maxBytes) throw new SinkFull(this.#maxBytes);
    if (!this.#budget.fits(bytes.length)) {
      this.isOverBudget = true;
      throw new SinkFull(this.#maxBytes);
    }
    this.#budget.charge(bytes.length);
    const copy = Buffer.allocUnsafe(bytes.length);
    copy.set(bytes);
    if (this.#length === 0) this.#first = copy;
    else (this.#chunks ??= [this.#first]).push(copy);
    this.#length += bytes.length;
  }

  bytes(): Buffer {
    return this.#chunks ? Buffer.concat(this.#chunks, this.#length) : this.#first;
  }

  release(): void {
    this.#budget.charge(-this.#length);
    this.#length = 0;
  }
}

/** Standard error of one run: what exceeds the limit is left out, and says so. */
export class ErrorSink implements ByteSink {
  #chunks: Uint8Array[] | undefined;
  #left: number;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#left < 0 || bytes.length === 0) return;
    const chunks = (this.#chunks ??= []);
    chunks.push(Uint8Array.prototype.slice.call(bytes, 0, this.#left));
    this.#left -= bytes.length;
    if (this.#left < 0) chunks.push(TRUNCATED);
  }

  /** Undefined when nothing was written. */
  bytes(): Uint8Array | undefined {
    return this.#chunks && Buffer.concat(this.#chunks);
  }
}
