const EMPTY = Buffer.alloc(0);

/**
 * Bytes received and not yet read. A chunk that comes when nothing is waiting is kept as it is; else bytes go to one growing
 * buffer, so that a body sent byte by byte costs neither an object per byte nor a copy of everything per byte.
 */
export class ByteQueue {
  #bytes: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** Whether `#bytes` may be written to: a chunk handed in may not. */
  #isOwn = false;

  get length(): number {
    return this.#end - this.#start;
  }

  push(chunk: Buffer): void {
    if (this.length === 0) {
      this.#adopt(chunk);
      return;
    }
    if (!this.#isOwn || this.#bytes.length - this.#end < chunk.length) this.#grow(chunk.length);
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  /** Byte at an index that is below `length`. */
  at(index: number): number {
    return this.#bytes[this.#start + index] ?? -1;
  }

  /** Index of the next such byte from `from` on, or -1. */
  indexOf(byte: number, from: number): number {
    const index = this.#bytes.subarray(this.#start, this.#end).indexOf(byte, from);
    return index;
  }

  /** The bytes from `start` to `end` as Latin-1, without taking them. */
  text(start: number, end: number): string {
    return this.#bytes.toString("latin1", this.#start + start, this.#start + Math.min(end, this.length));
  }

  drop(count: number): void {
    this.#start += Math.min(count, this.length);
    if (this.#start === this.#end) this.#adopt(EMPTY);
  }

  /** Takes at most `max` bytes. They stay valid. */
  take(max: number): Buffer {
    const taken = this.#bytes.subarray(this.#start, this.#start + Math.min(max, this.length));
    // What comes next must not be written behind bytes that somebody else holds.
    this.#isOwn = false;
    this.drop(taken.length);
    return taken;
  }

  #adopt(chunk: Buffer): void {
    this.#bytes = chunk;
    this.#start = 0;
    this.#end = chunk.length;
    this.#isOwn = false;
  }

  #grow(by: number): void {
    const bigger = Buffer.allocUnsafe(Math.max(256, 2 * (this.length + by)));
    this.#bytes.copy(bigger, 0, this.#start, this.#end);
    this.#end = this.length;
    this.#start = 0;
    this.#bytes = bigger;
    this.#isOwn = true;
  }
}
