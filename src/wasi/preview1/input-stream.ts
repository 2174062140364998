import type { ByteSource } from "../process.ts";

const NOTHING = new Uint8Array(0);

/**
 * Standard input with one chunk of read-ahead: `poll_oneoff` must know whether a read would wait, and a source can only be asked by
 * reading. What was read ahead is what the next read gets.
 */
export class InputStream {
  #source: ByteSource | undefined;
  #ahead: Uint8Array | undefined;
  #arriving: Promise<void> | undefined;
  #failed = false;
  /** Called once when something that was not there has arrived. The last one set counts, so that waiting often leaves nothing behind. */
  onArrival: (() => void) | undefined;

  begin(source: ByteSource | undefined): void {
    this.#source = source;
    this.#ahead = undefined;
    this.#arriving = undefined;
    this.#failed = false;
    this.onArrival = undefined;
  }

  /** Whether a promise of the source was rejected; nothing more comes. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Takes at most `max` bytes: an array (empty at the end), or a promise that settles when it is worth asking again. */
  take(max: number): Uint8Array | Promise<void> {
    const waiting = this.peek(max);
    if (typeof waiting !== "number") return waiting;
    const chunk = this.#ahead ?? NOTHING;
    this.#ahead = chunk.length > max ? chunk.subarray(max) : undefined;
    return chunk.length > max ? chunk.subarray(0, max) : chunk;
  }

  /** Bytes a read would get now (0 at the end), or a promise that settles when it is worth asking again. */
  peek(max: number): number | Promise<void> {
    if (this.#arriving) return this.#arriving;
    if (!this.#ahead) {
      if (this.#failed) return 0;
      const chunk = this.#source?.read(max) ?? NOTHING;
      if (chunk instanceof Promise) return this.#await(chunk);
      this.#ahead = chunk;
    }
    return this.#ahead.length;
  }

  #await(chunk: Promise<Uint8Array>): Promise<void> {
    const source = this.#source;
    // A promise of an earlier run says nothing about this one.
    const settle = (bytes: Uint8Array | undefined) => {
      if (this.#source !== source) return;
      this.#ahead = bytes;
      this.#failed = bytes === undefined;
      this.#arriving = undefined;
      this.onArrival?.();
      this.onArrival = undefined;
    };
    this.#arriving = chunk.then(settle, () => settle(undefined));
    return this.#arriving;
  }
}
