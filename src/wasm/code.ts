import { call, type Code, globalGet, globalSet, i32Const, unsigned } from "./assembler.ts";
import type { BranchHints } from "./branch-hints.ts";
import type { BulkHelpers } from "./bulk-helpers.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { EpochCheck } from "./checks.ts";
import { ModuleCopier } from "./copier.ts";
import { UnsupportedModuleError } from "./errors.ts";
import type { VirtualMemory } from "./growth.ts";
import { skipImmediate, skipPrefixed, unknownInstruction } from "./instructions.ts";
import { COUNT_LIMITS } from "./limits.ts";
import { BULK, IMMEDIATE, OP, PLAIN_OPCODES } from "./opcodes.ts";
import type { Section } from "./sections.ts";
import type { ModuleStructure } from "./structure.ts";
import { readValueType, skipBlockType } from "./types.ts";

/** What code is given in place of what it had. */
export interface CodeChanges {
  readonly structure: ModuleStructure;
  /** Written at the entry of every function and the head of every loop. */
  readonly check: EpochCheck;
  readonly hints: BranchHints;
  readonly helpers: BulkHelpers;
  /** Absent in a module without memory. */
  readonly memory?: VirtualMemory;
  /** Segments are dropped for real too, as instructions of the collected heap read them. */
  readonly dropsSegments: boolean;
  /** Largest size of all bodies. */
  readonly maxBytes: number;
}

/** Writes the function bodies of the code section to `out`, changed; not their count. */
export function writeBodies(changes: CodeChanges, section: Section, out: ByteWriter): void {
  const copier = new ModuleCopier(changes.structure, section, out);
  const count = copier.u32("a count of function bodies");
  const rewriter = new BodyRewriter(changes, copier);
  copier.replace(section.start, []);
  for (let index = 0; index < count; index++) {
    const at = copier.offset;
    const size = copier.u32("the size of a function body");
    copier.replace(at, []);
    if (size > COUNT_LIMITS.functionBytes) copier.fail(`a function of at most ${COUNT_LIMITS.functionBytes} bytes`, at);
    const end = copier.offset + size;
    if (end > copier.end) copier.fail("a function body", at);
    out.sized(() => rewriter.rewrite(end), size + (size >> 2));
    changes.hints.endFunction(changes.structure.importedFunctions + 1 + index);
    if (out.length > changes.maxBytes) {
      throw new UnsupportedModuleError(`Module grows above ${changes.maxBytes} bytes with the checks in its loops`);
    }
  }
  copier.finish("the code section");
}

class BodyRewriter {
  readonly #changes: CodeChanges;
  readonly #copier: ModuleCopier;
  readonly #check: Uint8Array;
  /** Where the body that is being rewritten starts in what is written. */
  #start = 0;

  constructor(changes: CodeChanges, copier: ModuleCopier) {
    this.#changes = changes;
    this.#copier = copier;
    this.#check = Uint8Array.from(changes.check.code);
  }

  /** Copies the body that starts at the copier's offset and ends at `end`. */
  rewrite(end: number): void {
    const copier = this.#copier;
    const { bytes } = copier;
    this.#start = copier.out.length;
    this.#skipLocals();
    this.#writeCheck();
    while (copier.offset < end) {
      const at = copier.offset++;
      const opcode = bytes[at] ?? 0;
      const immediate = PLAIN_OPCODES[opcode] ?? IMMEDIATE.unknown;
      if (immediate !== IMMEDIATE.none) this.#instruction(opcode, immediate, at);
    }
    if (copier.offset !== end) copier.fail("the end of a function body", end);
    copier.keep();
  }

  #writeCheck(): void {
    const { out } = this.#copier;
    const { check, hints } = this.#changes;
    this.#copier.keep();
    hints.unlikely(out.length - this.#start + check.branchOffset);
    out.raw(this.#check);
  }

  #skipLocals(): void {
    const groups = this.#copier.count(COUNT_LIMITS.locals, "locals");
    for (let group = 0; group < groups; group++) {
      this.#copier.u32("a count of locals");
      readValueType(this.#copier);
    }
  }

  #instruction(opcode: number, immediate: number, at: number): void {
    const copier = this.#copier;
    switch (opcode) {
      case OP.loop:
        skipBlockType(copier);
        return this.#writeCheck();
      case OP.tableSet:
        this.#changes.helpers.changedTables.add(this.#table());
        return;
      case OP.memorySize:
      case OP.memoryGrow:
        return this.#memorySize(opcode, at);
      case OP.bulkPrefix:
        return this.#bulk(at);
      default:
        if (immediate === IMMEDIATE.prefix) skipPrefixed(copier, opcode, at);
        else if (immediate === IMMEDIATE.unknown) unknownInstruction(opcode.toString(16), at);
        else skipImmediate(copier, immediate, at);
    }
  }

  #memorySize(opcode: number, at: number): void {
    const { memory } = this.#changes;
    skipImmediate(this.#copier, IMMEDIATE.memoryIndex, at);
    if (!memory) return;
    this.#copier.replace(at, opcode === OP.memorySize ? globalGet(memory.pages) : call(memory.grow));
  }

  #bulk(at: number): void {
    const copier = this.#copier;
    const start = copier.offset;
    const operation = copier.u32("an opcode");
    const operands = copier.offset;
    copier.offset = start;
    skipPrefixed(copier, OP.bulkPrefix, at);
    const end = copier.offset;
    copier.offset = operands;
    const code = this.#bulkReplacement(operation);
    copier.offset = end;
    if (code) copier.replace(at, code);
  }

  /** What stands in place of a bulk operation; the copier is at its operands. */
  #bulkReplacement(operation: number): Code | undefined {
    const { helpers } = this.#changes;
    switch (operation) {
      case BULK.memoryFill:
        return call(helpers.memoryFill());
      case BULK.memoryCopy:
        return call(helpers.memoryCopy());
      case BULK.memoryInit:
        return call(helpers.memoryInit(this.#segment("data")));
      case BULK.dataDrop:
        return this.#drop("data");
      case BULK.elemDrop:
        return this.#drop("element");
      case BULK.tableInit: {
        const segment = this.#segment("element");
        return call(helpers.tableInit(segment, this.#table()));
      }
      case BULK.tableCopy: {
        const destination = this.#table();
        return call(helpers.tableCopy(destination, this.#table()));
      }
      case BULK.tableFill:
        return call(helpers.tableFill(this.#table()));
      case BULK.tableGrow:
        helpers.changedTables.add(this.#table());
        return undefined;
      default:
        return undefined;
    }
  }

  /** Only passive segments can be used after an instance has been made, so dropping another changes nothing. */
  #drop(kind: "data" | "element"): Code | undefined {
    const { structure, helpers, dropsSegments } = this.#changes;
    const segment = this.#segment(kind);
    const { isPassive } = (kind === "data" ? structure.data : structure.elements)[segment] ?? { isPassive: false };
    if (!isPassive) return undefined;
    const flag = [...i32Const(1), ...globalSet(helpers.droppedFlag(kind, segment))];
    const drop = [OP.bulkPrefix, kind === "data" ? BULK.dataDrop : BULK.elemDrop];
    return dropsSegments ? [...flag, ...drop, ...unsigned(segment)] : flag;
  }

  #segment(kind: "data" | "element"): number {
    const { structure } = this.#changes;
    return this.#indexBelow((kind === "data" ? structure.data : structure.elements).length, `${kind} segment`);
  }

  #table(): number {
    return this.#indexBelow(this.#changes.structure.tables.length, "table");
  }

  #indexBelow(count: number, what: string): number {
    const at = this.#copier.offset;
    const index = this.#copier.u32(`a ${what} index`);
    if (index >= count) this.#copier.fail(`a ${what} index below ${count}`, at);
    return index;
  }
}
