import { ByteReader } from "./byte-reader.ts";
import {
  type GlobalDeclaration,
  type MemoryType,
  readGlobals,
  readMemories,
  readTables,
  type TableType,
} from "./entities.ts";
import { type ExportEntry, type ImportEntry, readExports, readImports, readTags } from "./imports.ts";
import { detectKind } from "./kind.ts";
import { COUNT_LIMITS, MAX_MODULE_BYTES } from "./limits.ts";
import { readSections, type Section, SECTION } from "./sections.ts";
import { readData, readElements, type Segment } from "./segments.ts";
import { type DefinedType, readTypes } from "./types.ts";

export interface ReadOptions {
  /** Largest module accepted, in bytes. @default MAX_MODULE_BYTES */
  readonly maxModuleBytes?: number;
}

/** A module read into parts, function bodies excepted. */
export interface ModuleStructure extends Spaces {
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  readonly customSections: readonly { readonly name: string; readonly bytes: number }[];
  readonly types: readonly DefinedType[];
  readonly imports: readonly ImportEntry[];
  readonly exports: readonly ExportEntry[];
  readonly start?: number;
  readonly elements: readonly Segment[];
  readonly data: readonly Segment[];
  readonly codeBytes: number;
}

/** Reads the parts of a module. Throws `SyntaxError` for what is malformed, `UnsupportedModuleError` for unknown forms. */
export function readStructure(bytes: Uint8Array, options: ReadOptions = {}): ModuleStructure {
  const maxModuleBytes = options.maxModuleBytes ?? MAX_MODULE_BYTES;
  if (bytes.length > maxModuleBytes) {
    throw new SyntaxError(`Module of ${bytes.length} bytes is larger than the limit of ${maxModuleBytes} bytes`);
  }
  const kind = detectKind(bytes);
  if (kind !== "module") {
    const found = kind === "component" ? "a component" : "no WebAssembly";
    throw new SyntaxError(`Malformed module: expected a core module of version 1 at byte 0, found ${found}`);
  }
  const sections = readSections(new ByteReader(bytes, 8));
  const read = sectionReaderOf(bytes, sections);
  const imports = read(SECTION.import, readImports) ?? [];
  const spaces = readSpaces(imports, read);
  const start = read(SECTION.start, (reader) => reader.u32("a function index"));
  const code = sections.find(({ id }) => id === SECTION.code);
  const data = read(SECTION.data, readData) ?? [];
  checkCounts(bytes, sections, spaces.functions.length - spaces.importedFunctions, data.length);
  return {
    bytes,
    sections,
    customSections: sections.filter(({ id }) => id === SECTION.custom).map((section) => readCustom(bytes, section)),
    types: read(SECTION.type, readTypes) ?? [],
    imports,
    ...spaces,
    exports: read(SECTION.export, readExports) ?? [],
    ...(start === undefined ? {} : { start }),
    elements: read(SECTION.element, readElements) ?? [],
    data,
    codeBytes: code ? code.end - code.start : 0,
  };
}

/** The index spaces of a module: what is imported, then what is defined. */
interface Spaces {
  /** Type index of every function. */
  readonly functions: readonly number[];
  readonly importedFunctions: number;
  readonly tables: readonly TableType[];
  readonly importedTables: number;
  readonly memories: readonly MemoryType[];
  readonly importedMemories: number;
  readonly globals: readonly GlobalDeclaration[];
  readonly importedGlobals: number;
  readonly tags: number;
}

function readSpaces(imports: readonly ImportEntry[], read: SectionReader): Spaces {
  const imported = importedOf(imports);
  return {
    functions: [...imported.functions, ...(read(SECTION.function, readFunctions) ?? [])],
    importedFunctions: imported.functions.length,
    tables: [...imported.tables, ...(read(SECTION.table, readTables) ?? [])],
    importedTables: imported.tables.length,
    memories: [...imported.memories, ...(read(SECTION.memory, readMemories) ?? [])],
    importedMemories: imported.memories.length,
    globals: [...imported.globals, ...(read(SECTION.global, readGlobals) ?? [])],
    importedGlobals: imported.globals.length,
    tags: imported.tags + (read(SECTION.tag, readTags) ?? []).length,
  };
}

type SectionReader = <T>(id: number, read: (reader: ByteReader) => T) => T | undefined;

function sectionReaderOf(bytes: Uint8Array, sections: readonly Section[]): SectionReader {
  return (id, read) => {
    const section = sections.find((candidate) => candidate.id === id);
    if (!section) return undefined;
    const reader = new ByteReader(bytes, section.start, section.end);
    const contents = read(reader);
    reader.finish(`section ${id}`);
    return contents;
  };
}

function readFunctions(reader: ByteReader): number[] {
  const count = reader.count(COUNT_LIMITS.functions, "functions");
  return Array.from({ length: count }, () => reader.u32("a type index"));
}

function readCustom(bytes: Uint8Array, section: Section): { name: string; bytes: number } {
  const reader = new ByteReader(bytes, section.start, section.end);
  return { name: reader.name("the name of a custom section"), bytes: section.end - section.start };
}

/** The counts that stand twice in a module agree. */
function checkCounts(bytes: Uint8Array, sections: readonly Section[], functions: number, data: number): void {
  const counted = (id: number, what: string): number | undefined => {
    const section = sections.find((candidate) => candidate.id === id);
    return section && new ByteReader(bytes, section.start, section.end).u32(`a count of ${what}`);
  };
  const bodies = counted(SECTION.code, "function bodies") ?? 0;
  if (bodies !== functions) {
    throw new SyntaxError(`Malformed module: expected ${functions} function bodies, found ${bodies}`);
  }
  const declared = counted(SECTION.dataCount, "data segments");
  if (declared !== undefined && declared !== data) {
    throw new SyntaxError(`Malformed module: expected ${declared} data segments, found ${data}`);
  }
}

function importedOf(imports: readonly ImportEntry[]) {
  const functions: number[] = [];
  const tables: TableType[] = [];
  const memories: MemoryType[] = [];
  const globals: GlobalDeclaration[] = [];
  let tags = 0;
  for (const entry of imports) {
    if (entry.kind === "function") functions.push(entry.typeIndex);
    else if (entry.kind === "table") tables.push(entry.table);
    else if (entry.kind === "memory") memories.push(entry.memory);
    else if (entry.kind === "global") globals.push(entry.global);
    else tags++;
  }
  return { functions, tables, memories, globals, tags };
}
