import { CallFailure, CODE, type Code } from "./failure.ts";

/** How long an argument may be, and the answer when it is longer. */
export interface ArgumentLimit {
  readonly maxBytes: number;
  readonly code: Code;
  /** For the message. */
  readonly what: string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A guest's memory for the length of one host call, in which it cannot grow. Pointers and lengths come from the guest: any 32 bits.
 */
export class GuestBytes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** Throws `CallFailure` 2 for a guest without memory. */
  constructor(memory: WebAssembly.Memory) {
    if (memory.buffer.byteLength === 0) throw new CallFailure(CODE.memoryNotFound, "the module has no memory");
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
  }

  /**
   * A copy, as the instance may serve another run before a call has ended. Throws `CallFailure` 4 outside the memory, as upstream,
   * and the limit's code beyond it.
   */
  read(pointer: number, length: number, { maxBytes, code, what }: ArgumentLimit): Buffer {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    if (end > this.#bytes.length) throw new CallFailure(CODE.bufferTooSmall, `${what} is outside the memory`);
    if (end - start > maxBytes) throw new CallFailure(code, `${what} is longer than ${maxBytes} bytes`);
    return Buffer.from(this.#bytes.subarray(start, end));
  }

  /** Throws as `read` does, and `CallFailure` 6 for what is not UTF-8. */
  readText(pointer: number, length: number, limit: ArgumentLimit): string {
    const bytes = this.read(pointer, length, limit);
    try {
      return utf8.decode(bytes);
    } catch (error) {
      throw new CallFailure(CODE.utf8, `${limit.what} is not UTF-8`, { cause: error });
    }
  }

  /** Throws `CallFailure` 3 unless `length` bytes at `pointer` are inside. */
  requireRoom(pointer: number, length: number): void {
    if ((pointer >>> 0) + length > this.#bytes.length) {
      throw new CallFailure(CODE.memoryAccess, "a result is outside the memory");
    }
  }

  /** To be called after `requireRoom`, as the other writes. */
  write(pointer: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, pointer >>> 0);
  }

  writeU16(pointer: number, value: number): void {
    this.#view.setUint16(pointer >>> 0, value, true);
  }

  writeU32(pointer: number, value: number): void {
    this.#view.setUint32(pointer >>> 0, value, true);
  }
}
