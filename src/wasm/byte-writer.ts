const UTF8 = new TextEncoder();
/** Below this many bytes a loop copies faster than `Uint8Array.set`, which needs a view. */
const SHORT_COPY_BYTES = 48;

/** Bytes that grow at the end. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Unsigned LEB128, the shortest form. */
  u32(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  name(text: string): void {
    const encoded = UTF8.encode(text);
    this.u32(encoded.length);
    this.raw(encoded);
  }

  /** Appends `source` from `start` to before `end`. */
  raw(source: ArrayLike<number>, start = 0, end = source.length): void {
    const count = end - start;
    this.#reserve(count);
    if (count >= SHORT_COPY_BYTES && source instanceof Uint8Array) {
      this.#bytes.set(source.subarray(start, end), this.#length);
    } else {
      for (let index = 0; index < count; index++) this.#bytes[this.#length + index] = source[start + index] ?? 0;
    }
    this.#length += count;
  }

  /** Appends what `write` appends, after its length. `expectedBytes` saves a move when it is about right. */
  sized(write: () => void, expectedBytes = 0): void {
    const start = this.#length;
    const reserved = lebBytes(expectedBytes);
    this.#reserve(reserved);
    this.#length += reserved;
    write();
    const size = this.#length - start - reserved;
    const needed = lebBytes(size);
    this.#reserve(needed);
    if (needed !== reserved) this.#bytes.copyWithin(start + needed, start + reserved, this.#length);
    this.#length = start;
    this.u32(size);
    this.#length += size;
  }

  /** The bytes so far: a view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Bytes of the shortest unsigned LEB128 of a number below 2^32. */
function lebBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) count++;
  return count;
}
