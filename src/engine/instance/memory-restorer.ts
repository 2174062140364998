import { canMapMemory, discardWrites, mapPrivately } from "./native-memory.ts";
import type { Snapshot } from "./snapshot.ts";

/** How a memory is put back to its snapshot: see docs/rationale.md, "Why recycle instances?". `fresh`: not at all. */
export type Strategy = "copy" | "cow" | "fresh";

/** Grown memory up to this size is zeroed by writing; above, giving the pages back is cheaper than touching them. */
const FILL_BELOW_BYTES = 512 * 1024;

/** The first runs of an instance give all pages back instead of overwriting them: most instances are idle most of the time. */
const LEAN_RUNS = 8;

/** Puts one instance's memory back to the snapshot, zeros beyond it. */
export interface MemoryRestorer {
  restore(): void;
  /** Gives back the pages of a clean memory that hold zeros, as it will not be used for a while. */
  trim(): void;
}

/** Overwrites the whole memory: the cheapest for small ones. */
export class CopyRestorer implements MemoryRestorer {
  readonly #memory: WebAssembly.Memory;
  readonly #snapshot: Snapshot;
  #bytes: Uint8Array;
  #leanRuns = canMapMemory() ? LEAN_RUNS : 0;

  constructor(memory: WebAssembly.Memory, snapshot: Snapshot) {
    this.#memory = memory;
    this.#snapshot = snapshot;
    this.#bytes = new Uint8Array(memory.buffer);
  }

  restore(): void {
    // Growing detaches the buffer.
    if (this.#bytes.buffer !== this.#memory.buffer) this.#bytes = new Uint8Array(this.#memory.buffer);
    if (this.#leanRuns > 0) {
      this.#leanRuns--;
      this.#restoreLean();
    } else this.#overwrite();
  }

  trim(): void {
    if (!canMapMemory()) return;
    this.#leanRuns = LEAN_RUNS;
    this.#restoreLean();
  }

  #restoreLean(): void {
    if (this.#bytes.length > 0) discardWrites(this.#memory.buffer, 0, this.#bytes.length);
    for (const { offset, bytes } of this.#snapshot.extents) this.#bytes.set(bytes, offset);
  }

  #overwrite(): void {
    const { extents, sizeBytes } = this.#snapshot;
    let clean = 0;
    for (const { offset, bytes } of extents) {
      if (offset > clean) this.#bytes.fill(0, clean, offset);
      this.#bytes.set(bytes, offset);
      clean = offset + bytes.length;
    }
    if (sizeBytes > clean) this.#bytes.fill(0, clean, sizeBytes);
    this.#clearGrowth(sizeBytes);
  }

  /** All of it, not only up to the guest's size: stores between that and the mapped size do not trap. */
  #clearGrowth(from: number): void {
    const length = this.#bytes.length - from;
    if (length <= 0) return;
    if (length > FILL_BELOW_BYTES && canMapMemory()) discardWrites(this.#memory.buffer, from, length);
    else this.#bytes.fill(0, from);
  }
}

/** Maps the snapshot's file privately over the memory and drops what was written: costs only what the guest touched. */
export class CowRestorer implements MemoryRestorer {
  readonly #memory: WebAssembly.Memory;

  constructor(memory: WebAssembly.Memory, snapshot: Snapshot) {
    this.#memory = memory;
    const buffer = memory.buffer;
    for (const { offset, bytes } of snapshot.extents) mapPrivately(buffer, snapshot.file(), offset, bytes.length);
  }

  restore(): void {
    const buffer = this.#memory.buffer;
    if (buffer.byteLength > 0) discardWrites(buffer, 0, buffer.byteLength);
  }

  /** Nothing to give back: no page is its own after `restore`. */
  trim(): void {}
}
