const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads a range of a module forward. Every failure is a `SyntaxError` that tells the byte offset in the module and what
 * was expected there. Methods about indices are hooks: `ModuleCopier` checks and renumbers what passes through them.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Offset of the next byte, from the start of the module. */
  offset: number;
  /** Bytes of constant expressions that have been passed. */
  constantBytes = 0;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  u8(expected: string): number {
    if (this.offset >= this.end) this.fail(expected, this.offset);
    return this.bytes[this.offset++] ?? 0;
  }

  /** The next byte, which stays unread; -1 at the end. */
  peek(): number {
    return this.offset < this.end ? (this.bytes[this.offset] ?? -1) : -1;
  }

  /** Unsigned LEB128 of at most 32 bits in at most 5 bytes. */
  u32(expected: string): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8(expected);
      if (shift === 28 && byte > 0x0f) break;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return this.fail(`${expected} (unsigned 32 bits)`, start);
  }

  /** Unsigned LEB128 in at most 10 bytes; exact up to 2^53. */
  u64(expected: string): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.u8(expected);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return this.fail(`${expected} (unsigned 64 bits)`, start);
  }

  /** Signed LEB128 of at most 33 bits in at most 5 bytes, as block and heap types are written. */
  s33(expected: string): number {
    const start = this.offset;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8(expected);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value;
    }
    return this.fail(`${expected} (signed 33 bits)`, start);
  }

  /** Passes a LEB128 whose value does not matter. */
  skipLeb(maxBytes: number, expected: string): void {
    const start = this.offset;
    for (let count = 0; count < maxBytes; count++) if (this.u8(expected) < 0x80) return;
    this.fail(`${expected} (at most ${maxBytes} bytes)`, start);
  }

  skip(count: number, expected: string): void {
    if (count > this.end - this.offset) this.fail(`${expected} (${count} bytes)`, this.offset);
    this.offset += count;
  }

  /** The number of items that follow, each of at least one byte. */
  count(limit: number, what: string): number {
    const start = this.offset;
    const count = this.u32(`a count of ${what}`);
    if (count > limit) this.fail(`at most ${limit} ${what}, not ${count}`, start);
    if (count > this.end - this.offset) this.fail(`${count} ${what}`, start);
    return count;
  }

  name(expected: string): string {
    const length = this.u32(expected);
    const start = this.offset;
    this.skip(length, expected);
    try {
      return UTF8.decode(this.bytes.subarray(start, this.offset));
    } catch {
      return this.fail(`${expected} in UTF-8`, start);
    }
  }

  /** Throws unless everything has been read. */
  finish(what: string): void {
    if (this.offset !== this.end) this.fail(`the end of ${what}`, this.offset);
  }

  /** Index of a function. */
  functionIndex(): number {
    return this.u32("a function index");
  }

  /** Index of a global. */
  globalIndex(): number {
    return this.u32("a global index");
  }

  /** Called for each use of a memory, also where its index 0 is not written. */
  useMemory(_index: number, _at: number): void {}

  /** Throws for a byte offset, where the module ends early or holds something else. */
  fail(expected: string, at: number): never {
    const place = at >= this.end ? "the end" : `byte ${at}`;
    throw new SyntaxError(`Malformed module: expected ${expected} at ${place} (offset ${at} of ${this.bytes.length})`);
  }
}
