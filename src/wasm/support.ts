import { UnsupportedModuleError } from "./errors.ts";
import { type GlobalType, HOST_MODULE } from "./layout.ts";
import type { ModuleStructure } from "./structure.ts";

/** Start of the names of added exports. */
export const RESERVED_PREFIX = `${HOST_MODULE}:`;

const SAVED_TYPES: readonly string[] = ["i32", "i64", "f32", "f64", "funcref", "externref"] satisfies GlobalType[];

/** Whether the host can save and restore values of a type. */
export function isSaved(type: string): type is GlobalType {
  return SAVED_TYPES.includes(type);
}

/** Throws for what cannot be made safe to run. */
export function checkSupported(structure: ModuleStructure, maxTableEntries: number): void {
  checkMemories(structure);
  const wide = structure.tables.findIndex(({ is64 }) => is64);
  if (wide >= 0) refuse(`has a 64-bit table (table ${wide})`);
  const shared = structure.tables.findIndex(({ isShared }) => isShared);
  if (shared >= 0) refuse(`has a shared table (table ${shared})`);
  const entries = structure.tables.reduce((sum, { min }) => sum + min, 0);
  if (entries > maxTableEntries) refuse(`has tables of ${entries} entries, more than ${maxTableEntries}`);
  const elements = structure.elements.reduce((sum, { length }) => sum + length, 0);
  if (elements > maxTableEntries) refuse(`has segments of ${elements} elements, more than ${maxTableEntries}`);
  const taken = structure.exports.find(({ name }) => name.startsWith(RESERVED_PREFIX));
  if (taken) refuse(`exports "${taken.name}"; names with "${RESERVED_PREFIX}" are reserved`);
  const own = structure.imports.find(({ module }) => module === HOST_MODULE);
  if (own) refuse(`imports "${own.name}" from "${HOST_MODULE}", a reserved module`);
}

function checkMemories({ memories, importedMemories }: ModuleStructure): void {
  const [memory] = memories;
  if (!memory) return;
  if (memories.length > 1) refuse(`has ${memories.length} memories; one is supported`);
  if (memory.isShared) refuse("has a shared memory; build it without threads");
  if (importedMemories > 0) refuse("imports its memory; it must define and export it");
  if (memory.is64) refuse("has a 64-bit memory; build it for wasm32");
  if (memory.pageSizeLog2 !== 16) refuse(`has a memory with pages of 2^${memory.pageSizeLog2} bytes, not 2^16`);
}

function refuse(what: string): never {
  throw new UnsupportedModuleError(`Module ${what}`);
}

/** Why an instance cannot serve twice: state that the host cannot put back. */
export function freshReasons(structure: ModuleStructure, changedTables: ReadonlySet<number>): string[] {
  const reasons: string[] = [];
  if (structure.types.some((type) => type === "struct" || type === "array")) {
    reasons.push("it declares structs or arrays, whose contents cannot be put back");
  }
  for (const [index, { type, isMutable }] of structure.globals.entries()) {
    if (!isMutable) continue;
    if (index < structure.importedGlobals) reasons.push(`it imports mutable global ${index}`);
    else if (!isSaved(type)) reasons.push(`mutable global ${index} has type ${type}`);
  }
  for (const index of changedTables) {
    const element = structure.tables[index]?.element ?? "";
    if (index < structure.importedTables) reasons.push(`it changes table ${index}, which it imports`);
    else if (!isSaved(element)) reasons.push(`it changes table ${index} of type ${element}`);
  }
  return reasons;
}
