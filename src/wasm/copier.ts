import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { Section } from "./sections.ts";
import type { ModuleStructure } from "./structure.ts";

/**
 * Copies a section while it is read, with changes. One host function is imported after the guest's, so the guest's own
 * functions move up by one; every index is checked against what the guest had, so that none can reach what is added.
 */
export class ModuleCopier extends ByteReader {
  readonly out: ByteWriter;
  readonly #structure: ModuleStructure;
  /** Everything before this offset has been copied or left out. */
  #done: number;

  constructor(structure: ModuleStructure, section: Section, out: ByteWriter) {
    super(structure.bytes, section.start, section.end);
    this.out = out;
    this.#structure = structure;
    this.#done = section.start;
  }

  /** Copies what has been read up to `offset`. @default all that has been read */
  keep(offset = this.offset): void {
    this.out.raw(this.bytes, this.#done, offset);
    this.#done = offset;
  }

  /** Writes `code` in place of what has been read from `offset` on. */
  replace(offset: number, code: ArrayLike<number>): void {
    this.keep(offset);
    this.#done = this.offset;
    this.out.raw(code);
  }

  override functionIndex(): number {
    const at = this.offset;
    const index = this.u32("a function index");
    const { functions, importedFunctions } = this.#structure;
    if (index >= functions.length) this.fail(`a function index below ${functions.length}`, at);
    if (index < importedFunctions) return index;
    this.keep(at);
    this.#done = this.offset;
    this.out.u32(index + 1);
    return index;
  }

  override globalIndex(): number {
    const at = this.offset;
    const index = this.u32("a global index");
    const count = this.#structure.globals.length;
    if (index >= count) this.fail(`a global index below ${count}`, at);
    return index;
  }

  override useMemory(index: number, at: number): void {
    const count = this.#structure.memories.length;
    if (index >= count) this.fail(`a use of one of ${count} memories`, at);
  }
}
