import type { ByteQueue } from "./byte-queue.ts";
import { RequestRejected } from "./request.ts";

/** Reads one request body out of a queue. */
export interface BodyReader {
  /** The whole body when its last byte was there, else undefined. Throws RequestRejected (400, 413, 431). */
  read(queue: ByteQueue): Buffer | undefined;
  /** Bytes held so far. */
  readonly heldBytes: number;
}

/** A body of `length` bytes, which the caller has found to be within the limit. */
export function lengthBody(length: number): BodyReader {
  const collector = new Collector(length);
  return {
    read(queue) {
      if (queue.length > 0) collector.add(queue.take(length - collector.length));
      return collector.length === length ? collector.bytes() : undefined;
    },
    get heldBytes() {
      return collector.length;
    },
  };
}

/** Body bytes in one buffer: the first chunk itself when it is all there is. */
export class Collector {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  #isOwn = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Throws RequestRejected (413) when `bytes` more would exceed the limit. */
  checkRoom(bytes: number): void {
    if (this.#length + bytes <= this.#maxBytes) return;
    throw new RequestRejected(413, `Body exceeds its limit of ${this.#maxBytes} bytes`);
  }

  /** Throws RequestRejected (413) when it gets more than the limit. */
  add(chunk: Buffer): void {
    this.checkRoom(chunk.length);
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#bytes = chunk;
    } else {
      if (!this.#isOwn || length > this.#bytes.length) this.#grow(length);
      chunk.copy(this.#bytes, this.#length);
    }
    this.#length = length;
  }

  bytes(): Buffer {
    return this.#bytes.length === this.#length ? this.#bytes : this.#bytes.subarray(0, this.#length);
  }

  #grow(needed: number): void {
    const bigger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(2 * needed, 1024)));
    this.#bytes.copy(bigger, 0, 0, this.#length);
    this.#bytes = bigger;
    this.#isOwn = true;
  }
}
