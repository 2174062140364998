import type { ByteSource } from "../../wasi/index.ts";

/** Input of a run that may be replayed: keeps what was read, so that the replay reads the same. */
export class KeptInput implements ByteSource {
  readonly #source: ByteSource;
  #kept: (Uint8Array | Promise<Uint8Array>)[] | undefined;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  read(max: number): Uint8Array | Promise<Uint8Array> {
    const chunk = this.#source.read(max);
    (this.#kept ??= []).push(chunk);
    return chunk;
  }

  /** The input from its beginning. */
  replay(): ByteSource {
    const kept = this.#kept;
    return kept ? new ReplayedInput(kept, this.#source) : this.#source;
  }
}

/** Chunks read before, then the source. A chunk may be longer than asked for, as another size was asked for then. */
class ReplayedInput implements ByteSource {
  readonly #kept: (Uint8Array | Promise<Uint8Array>)[];
  readonly #source: ByteSource;

  constructor(kept: (Uint8Array | Promise<Uint8Array>)[], source: ByteSource) {
    this.#kept = kept;
    this.#source = source;
  }

  read(max: number): Uint8Array | Promise<Uint8Array> {
    const next = this.#kept.shift();
    if (next === undefined) return this.#source.read(max);
    return next instanceof Promise ? next.then((chunk) => this.#first(chunk, max)) : this.#first(next, max);
  }

  #first(chunk: Uint8Array, max: number): Uint8Array {
    if (chunk.length <= max) return chunk;
    this.#kept.unshift(chunk.subarray(max));
    return chunk.subarray(0, max);
  }
}
