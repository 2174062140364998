import type { Additions } from "./additions.ts";
import { unsigned } from "./assembler.ts";
import type { BranchHints } from "./branch-hints.ts";
import { ByteWriter } from "./byte-writer.ts";
import { ModuleCopier } from "./copier.ts";
import { readGlobal, readTableType, type TableType } from "./entities.ts";
import { type ExternalKind, KINDS } from "./imports.ts";
import { skipConstantExpression } from "./instructions.ts";
import { HOST_IMPORTS, HOST_MODULE } from "./layout.ts";
import { SECTION, type Section } from "./sections.ts";
import { readData, readElements } from "./segments.ts";
import type { ModuleStructure } from "./structure.ts";

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00] as const;
const KIND = { function: KINDS.indexOf("function"), memory: KINDS.indexOf("memory") } as const;
/** Limits of the shared memory that holds the epoch: has a maximum, shared, one page. */
const EPOCH_LIMITS = [3, 1, 1] as const;
const HAS_MAX = 1;

/** What `ModuleWriter` writes beside the module as it was. */
export interface RewrittenCode {
  /** The guest's function bodies. */
  readonly bodies: Uint8Array;
  readonly hints: BranchHints;
  /** Entries that all tables together may have. */
  readonly maxTableEntries: number;
}

/** Passes the items of a list, of which there are `count`. */
type ListPass = (copier: ModuleCopier, count: number) => void;

/** Writes an instrumented module section by section. */
export class ModuleWriter {
  readonly #structure: ModuleStructure;
  readonly #additions: Additions;
  readonly #out: ByteWriter;

  constructor(structure: ModuleStructure, additions: Additions) {
    this.#structure = structure;
    this.#additions = additions;
    this.#out = new ByteWriter(structure.bytes.length + structure.codeBytes + 4096);
  }

  /** The module with rewritten code and all additions. */
  write({ bodies, hints, maxTableEntries }: RewrittenCode): Uint8Array {
    const additions = this.#additions;
    this.#out.raw(PREAMBLE);
    this.#append(SECTION.type, additions.types);
    this.#append(SECTION.import, this.#hostImports());
    this.#append(SECTION.function, additions.functionTypes.map(unsigned));
    this.#rewrite(SECTION.table, (copier) => this.#copyTables(copier, maxTableEntries));
    this.#rewrite(SECTION.tag, (copier) => copier.skip(copier.end - copier.offset, "the tags"));
    this.#append(SECTION.global, additions.globals, passGlobals);
    this.#writeExports();
    this.#rewrite(SECTION.element, readElements);
    this.#rewrite(SECTION.dataCount, (copier) => copier.u32("a count of data segments"));
    this.#sized(SECTION.custom, undefined, () => hints.write(this.#out));
    this.#writeCode(bodies);
    this.#rewrite(SECTION.data, readData);
    return this.#out.view();
  }

  #section(id: number): Section | undefined {
    return this.#structure.sections.find((section) => section.id === id);
  }

  /** Copies a section, if there is one, with the changes that reading it by a copier makes. */
  #rewrite(id: number, read: (copier: ModuleCopier) => unknown): void {
    const section = this.#section(id);
    if (!section) return;
    const copier = new ModuleCopier(this.#structure, section, this.#out);
    this.#sized(id, section, () => {
      read(copier);
      copier.finish(`section ${id}`);
      copier.keep();
    });
  }

  /** Writes a section that holds a list: the guest's items, if any, passed by `pass`, and further ones. */
  #append(id: number, items: readonly ArrayLike<number>[], pass: ListPass = passRest): void {
    const section = this.#section(id);
    const copier = section && new ModuleCopier(this.#structure, section, this.#out);
    const count = copier?.u32("a count") ?? 0;
    if (count + items.length === 0) return;
    this.#sized(id, section, () => {
      this.#out.u32(count + items.length);
      if (copier) {
        copier.replace(section.start, []);
        pass(copier, count);
        copier.keep();
      }
      for (const item of items) this.#out.raw(item);
    });
  }

  #sized(id: number, section: Section | undefined, write: () => void): void {
    this.#out.u8(id);
    this.#out.sized(write, section ? section.end - section.start : 0);
  }

  /** Import descriptions of what the host gives. The guest's memory has no maximum here, so that the host may give any. */
  #hostImports(): number[][] {
    const [memory] = this.#structure.memories;
    const { overrunType } = this.#additions;
    const guestMemory = [KIND.memory, 0, ...unsigned(memory?.min ?? 0)];
    return [
      ...(memory ? [hostImport(HOST_IMPORTS.memory, guestMemory)] : []),
      hostImport(HOST_IMPORTS.epoch, [KIND.memory, ...EPOCH_LIMITS]),
      hostImport(HOST_IMPORTS.overrun, [KIND.function, ...unsigned(overrunType)]),
    ];
  }

  /** Copies the tables; their maximum sizes become such that all together stay within `maxTableEntries`. */
  #copyTables(copier: ModuleCopier, maxTableEntries: number): void {
    const { tables } = this.#structure;
    const spare = Math.floor((maxTableEntries - tables.reduce((sum, { min }) => sum + min, 0)) / tables.length);
    const count = copier.u32("a count of tables");
    for (let index = 0; index < count; index++) {
      const hasInitialValue = copier.peek() === 0x40;
      if (hasInitialValue) copier.skip(2, "a table with an initial value");
      const table = readTableType(copier);
      copier.replace(table.elementRange[1], cappedLimits(table, spare));
      if (hasInitialValue) skipConstantExpression(copier);
    }
  }

  #writeExports(): void {
    const { exports, importedFunctions } = this.#structure;
    const own = exports.map(({ name, kind, index }) => {
      this.#checkExport(name, kind, index);
      const isMoved = kind === "function" && index >= importedFunctions;
      return { name, kind: KINDS.indexOf(kind), index: isMoved ? index + 1 : index };
    });
    const all = [...own, ...this.#additions.exports];
    this.#sized(SECTION.export, this.#section(SECTION.export), () => {
      this.#out.u32(all.length);
      for (const { name, kind, index } of all) {
        this.#out.name(name);
        this.#out.u8(kind);
        this.#out.u32(index);
      }
    });
  }

  /** An export must name something of the guest's own, nothing that is added. */
  #checkExport(name: string, kind: ExternalKind, index: number): void {
    const { functions, tables, memories, globals, tags } = this.#structure;
    const counts = {
      function: functions.length,
      table: tables.length,
      memory: memories.length,
      global: globals.length,
      tag: tags,
    };
    if (index < counts[kind]) return;
    throw new SyntaxError(`Malformed module: export "${name}" names ${kind} ${index} of ${counts[kind]}`);
  }

  #writeCode(bodies: Uint8Array): void {
    const { functions, importedFunctions } = this.#structure;
    const added = this.#additions.bodies();
    const count = functions.length - importedFunctions + added.length;
    if (count === 0) return;
    this.#out.u8(SECTION.code);
    this.#out.sized(() => {
      this.#out.u32(count);
      this.#out.raw(bodies);
      for (const body of added) this.#out.sized(() => this.#out.raw(body), body.length);
    }, bodies.length);
  }
}

function passRest(copier: ModuleCopier): void {
  copier.skip(copier.end - copier.offset, "a list");
}

function passGlobals(copier: ModuleCopier, count: number): void {
  for (let index = 0; index < count; index++) readGlobal(copier);
}

function hostImport(name: string, description: readonly number[]): number[] {
  const writer = new ByteWriter();
  writer.name(HOST_MODULE);
  writer.name(name);
  writer.raw(description);
  return [...writer.view()];
}

/** Limits of a table that may grow by `spare` entries at most. */
function cappedLimits({ min, max = Infinity }: TableType, spare: number): number[] {
  return [HAS_MAX, ...unsigned(min), ...unsigned(Math.min(max, min + spare))];
}
