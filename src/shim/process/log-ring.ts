/** A piece of output: at most `MAX_PIECE_BYTES`. */
export interface LogPiece {
  readonly stream: "stdout" | "stderr";
  readonly text: Uint8Array;
}

const RING_BYTES = 64 * 1024;
const MAX_PIECE_BYTES = 16 * 1024;
/** One byte for the stream, two for the length. */
const PIECE_HEADER_BYTES = 3;
const WRITTEN = 0;
const READ = 1;
const COUNTERS_BYTES = 8;

/**
 * Output of a command's thread on its way to the main thread, in shared memory: one writer, one reader. The writer waits when it
 * is full, which is how a guest that prints faster than its log is written is slowed down; nothing is lost when the writer's
 * thread is ended. Both counters only grow (modulo 2^32).
 */
export class LogRing {
  /** To be given to the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #counters: Int32Array<SharedArrayBuffer>;
  readonly #data: Uint8Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(COUNTERS_BYTES + RING_BYTES)) {
    this.memory = memory;
    this.#counters = new Int32Array(memory, 0, 2);
    this.#data = new Uint8Array(memory, COUNTERS_BYTES);
  }

  /** Appends output in pieces, waiting for room. Blocks the thread: for workers only. */
  write(stream: LogPiece["stream"], bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; offset += MAX_PIECE_BYTES) {
      this.#append(stream, bytes.subarray(offset, offset + MAX_PIECE_BYTES));
    }
  }

  /** The next piece, or undefined when there is none yet. */
  read(): LogPiece | undefined {
    const from = Atomics.load(this.#counters, READ);
    if (from === Atomics.load(this.#counters, WRITTEN)) return undefined;
    const header = this.#copyOut(from, PIECE_HEADER_BYTES);
    const length = (header[1] ?? 0) + 256 * (header[2] ?? 0);
    const text = this.#copyOut(from + PIECE_HEADER_BYTES, length);
    Atomics.store(this.#counters, READ, (from + PIECE_HEADER_BYTES + length) | 0);
    Atomics.notify(this.#counters, READ);
    return { stream: header[0] === 2 ? "stderr" : "stdout", text };
  }

  /** Resolves when there is something to read, or after `wake`. */
  async readable(): Promise<void> {
    const seen = Atomics.load(this.#counters, READ);
    const waiting = Atomics.waitAsync(this.#counters, WRITTEN, seen);
    await waiting.value;
  }

  /** Ends the reader's waiting, when no writer is left that would. */
  wake(): void {
    Atomics.notify(this.#counters, WRITTEN);
  }

  #append(stream: LogPiece["stream"], text: Uint8Array): void {
    const needed = PIECE_HEADER_BYTES + text.length;
    const at = Atomics.load(this.#counters, WRITTEN);
    for (;;) {
      const read = Atomics.load(this.#counters, READ);
      if (RING_BYTES - ((at - read) >>> 0) >= needed) break;
      Atomics.wait(this.#counters, READ, read);
    }
    this.#copyIn(at, Uint8Array.of(stream === "stderr" ? 2 : 1, text.length % 256, text.length >>> 8));
    this.#copyIn(at + PIECE_HEADER_BYTES, text);
    Atomics.store(this.#counters, WRITTEN, (at + needed) | 0);
    Atomics.notify(this.#counters, WRITTEN);
  }

  #copyIn(at: number, bytes: Uint8Array): void {
    const start = (at >>> 0) % RING_BYTES;
    const head = Math.min(bytes.length, RING_BYTES - start);
    this.#data.set(bytes.subarray(0, head), start);
    this.#data.set(bytes.subarray(head), 0);
  }

  #copyOut(at: number, length: number): Uint8Array {
    const start = (at >>> 0) % RING_BYTES;
    const head = Math.min(length, RING_BYTES - start);
    const bytes = new Uint8Array(length);
    bytes.set(this.#data.subarray(start, start + head));
    bytes.set(this.#data.subarray(0, length - head), head);
    return bytes;
  }
}
