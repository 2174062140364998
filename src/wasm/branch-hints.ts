import { ByteWriter } from "./byte-writer.ts";

const UNLIKELY = 0;

/**
 * The contents of `metadata.code.branch_hint` (branch hinting proposal): tells the engine that checks hardly ever call
 * `overrun`, so that it keeps values in registers past them. Without it guests run up to 1.2 times as long.
 */
export class BranchHints {
  readonly #functions = new ByteWriter(1024);
  #count = 0;
  #offsets: number[] = [];

  /** Notes a branch at `offset` in the body (its local declarations included) that is being written. */
  unlikely(offset: number): void {
    this.#offsets.push(offset);
  }

  /** Ends the body of function `index`; indices grow. */
  endFunction(index: number): void {
    this.#functions.u32(index);
    this.#functions.u32(this.#offsets.length);
    for (const offset of this.#offsets) {
      this.#functions.u32(offset);
      this.#functions.u8(1);
      this.#functions.u8(UNLIKELY);
    }
    this.#offsets = [];
    this.#count++;
  }

  /** Writes the section's contents. */
  write(out: ByteWriter): void {
    out.name("metadata.code.branch_hint");
    out.u32(this.#count);
    out.raw(this.#functions.view());
  }
}
