import type { ExternalKind } from "./imports.ts";
import { type ModuleStructure, type ReadOptions, readStructure } from "./structure.ts";
import type { FunctionType, ValueType } from "./types.ts";

/** What a module says about itself, without its code. */
export interface ModuleInfo {
  readonly imports: readonly ModuleImport[];
  readonly exports: readonly ModuleExport[];
  /** Imported ones first. Sizes in pages. */
  readonly memories: readonly SizedEntity[];
  /** Imported ones first. Sizes in entries. */
  readonly tables: readonly (SizedEntity & { readonly element: ValueType })[];
  /** Mutable globals that the module defines. */
  readonly mutableGlobals: readonly ValueType[];
  /** Functions that the module defines. */
  readonly functions: number;
  /** A function runs when an instance is made. */
  readonly hasStart: boolean;
  /** The module declares structs or arrays, which live in the host's heap and are not counted as guest memory. */
  readonly usesCollectedHeap: boolean;
  readonly customSections: readonly { readonly name: string; readonly bytes: number }[];
  readonly codeBytes: number;
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of functions. */
  readonly type?: FunctionType;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternalKind;
  /** Of functions. */
  readonly type?: FunctionType;
}

export interface SizedEntity {
  readonly min: number;
  readonly max?: number;
  readonly isImported: boolean;
  readonly isShared: boolean;
  readonly is64: boolean;
}

/**
 * Reads what a core module says about itself. A reader, not a validator: the engine validates afterwards.
 * Throws `SyntaxError` with the byte offset and what was expected, `UnsupportedModuleError` for types and sections of unknown form.
 */
export function readModule(bytes: Uint8Array, options?: ReadOptions): ModuleInfo {
  const structure = readStructure(bytes, options);
  const { memories, tables, globals } = structure;
  return {
    imports: structure.imports.map((entry) => ({
      module: entry.module,
      name: entry.name,
      kind: entry.kind,
      ...(entry.kind === "function" ? { type: functionType(structure, entry.typeIndex) } : {}),
    })),
    exports: structure.exports.map(({ name, kind, index }) => ({
      name,
      kind,
      ...(kind === "function" ? { type: functionType(structure, functionTypeIndex(structure, index)) } : {}),
    })),
    memories: memories.map((memory, index) => sizedEntity(memory, index < structure.importedMemories)),
    tables: tables.map((table, index) => ({
      ...sizedEntity(table, index < structure.importedTables),
      element: table.element,
    })),
    mutableGlobals: globals
      .slice(structure.importedGlobals)
      .filter(({ isMutable }) => isMutable)
      .map(({ type }) => type),
    functions: structure.functions.length - structure.importedFunctions,
    hasStart: structure.start !== undefined,
    usesCollectedHeap: structure.types.some((type) => type === "struct" || type === "array"),
    customSections: structure.customSections,
    codeBytes: structure.codeBytes,
  };
}

function sizedEntity(entity: Omit<SizedEntity, "isImported">, isImported: boolean): SizedEntity {
  const { min, max, isShared, is64 } = entity;
  return { min, ...(max === undefined ? {} : { max }), isImported, isShared, is64 };
}

function functionTypeIndex(structure: ModuleStructure, index: number): number {
  const typeIndex = structure.functions[index];
  if (typeIndex === undefined) throw new SyntaxError(`Malformed module: an export names function ${index}`);
  return typeIndex;
}

function functionType(structure: ModuleStructure, typeIndex: number): FunctionType {
  const type = structure.types[typeIndex];
  if (type === undefined || typeof type === "string") {
    throw new SyntaxError(`Malformed module: type ${typeIndex} is not a function type`);
  }
  return type;
}
