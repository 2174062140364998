import { Additions } from "./additions.ts";
import { BranchHints } from "./branch-hints.ts";
import { BulkHelpers } from "./bulk-helpers.ts";
import { ByteWriter } from "./byte-writer.ts";
import { epochCheck } from "./checks.ts";
import { type CodeChanges, writeBodies } from "./code.ts";
import type { MemoryType } from "./entities.ts";
import { addVirtualMemory } from "./growth.ts";
import type { StateLayout } from "./layout.ts";
import { MAX_INSTRUMENTED_BYTES, MAX_RECYCLED_GLOBALS, MAX_TABLE_ENTRIES } from "./limits.ts";
import { ModuleWriter } from "./module-writer.ts";
import { SECTION } from "./sections.ts";
import { type ModuleStructure, type ReadOptions, readStructure } from "./structure.ts";
import { checkSupported, freshReasons, isSaved, RESERVED_PREFIX } from "./support.ts";

/** Version of what instrumenting does; bytes prepared by another are made anew. */
export const LAYOUT_VERSION = 1;

export interface InstrumentOptions extends ReadOptions {
  /** Largest size of the code with its checks, in bytes. @default MAX_INSTRUMENTED_BYTES */
  readonly maxInstrumentedBytes?: number;
  /** Table entries an instance may have, grown ones too. @default MAX_TABLE_ENTRIES */
  readonly maxTableEntries?: number;
  /** Mutable globals above which every request gets a fresh instance. @default MAX_RECYCLED_GLOBALS */
  readonly maxRecycledGlobals?: number;
}

export interface InstrumentedModule {
  /** All of its buffer, so that it can be transferred. */
  readonly bytes: Uint8Array;
  readonly layout: StateLayout;
}

/**
 * Rewrites a core module so that the host can stop it, bound it and use its instances again, as `StateLayout` and
 * `HOST_IMPORTS` describe (design.md, "Engine"). What runs is otherwise unchanged. Custom sections are left out.
 *
 * Throws `SyntaxError` for a malformed or invalid module, `UnsupportedModuleError` for one that cannot be made safe.
 */
export function instrument(bytes: Uint8Array, options: InstrumentOptions = {}): InstrumentedModule {
  const structure = readStructure(bytes, options);
  const maxTableEntries = options.maxTableEntries ?? MAX_TABLE_ENTRIES;
  checkSupported(structure, maxTableEntries);
  const additions = new Additions(structure);
  const check = epochCheck(additions);
  const [memoryType] = structure.memories;
  const memory = memoryType && addVirtualMemory(additions, memoryType);
  const helpers = new BulkHelpers(structure, additions, check.code, memory?.pages ?? -1);
  const hints = new BranchHints();
  const dropsSegments = structure.types.includes("array");
  const maxBytes = options.maxInstrumentedBytes ?? MAX_INSTRUMENTED_BYTES;
  const changes = { structure, check, hints, helpers, dropsSegments, maxBytes, ...(memory ? { memory } : {}) };
  const bodies = rewriteBodies(changes);
  const layout = layoutOf(structure, helpers, options.maxRecycledGlobals ?? MAX_RECYCLED_GLOBALS);
  addStateExports(structure, additions, layout);
  const instrumented = new ModuleWriter(structure, additions).write({ bodies, hints, maxTableEntries });
  checkValid(bytes);
  return { bytes: instrumented.slice(), layout };
}

/**
 * Additions can make a module valid that is not: an index beyond the guest's types, say, would then name an added one. So the
 * engine validates the module as it was (about 7 ms per MiB); last, as its words for what is unsupported are worse than ours.
 */
function checkValid(bytes: Uint8Array): void {
  if (WebAssembly.validate(bytes)) return;
  throw new SyntaxError(`Invalid module: ${compileError(bytes)}`);
}

function compileError(bytes: Uint8Array): string {
  try {
    void new WebAssembly.Module(bytes);
  } catch (error) {
    if (error instanceof Error) return error.message.replace(/^WebAssembly\.Module\(\): /, "");
  }
  return "the engine gives no reason";
}

function rewriteBodies(changes: CodeChanges): Uint8Array {
  const { sections, codeBytes } = changes.structure;
  const section = sections.find(({ id }) => id === SECTION.code);
  if (!section) return new Uint8Array(0);
  const out = new ByteWriter(Math.ceil(codeBytes * 1.25) + 1024);
  writeBodies(changes, section, out);
  return out.view();
}

function layoutOf(structure: ModuleStructure, helpers: BulkHelpers, maxRecycledGlobals: number): StateLayout {
  const [memory] = structure.memories;
  const globals = savedGlobals(structure, helpers);
  const isTooMany = globals.length > maxRecycledGlobals;
  const freshOnly = freshReasons(structure, helpers.changedTables);
  if (isTooMany) freshOnly.push(`it has ${globals.length} mutable globals, more than ${maxRecycledGlobals}`);
  const tables = [...helpers.changedTables].filter((index) => isSaved(structure.tables[index]?.element ?? ""));
  return {
    version: LAYOUT_VERSION,
    ...(memory ? { memory: memoryLayout(memory) } : {}),
    globals: isTooMany ? [] : globals,
    tables: tables.filter((index) => index >= structure.importedTables).map((index) => tableName(index)),
    ...(structure.start === undefined ? {} : { start: START_NAME }),
    freshOnly,
  };
}

function memoryLayout({ min, max }: MemoryType): NonNullable<StateLayout["memory"]> {
  return { minPages: min, ...(max === undefined ? {} : { maxPages: max }) };
}

function savedGlobals(structure: ModuleStructure, helpers: BulkHelpers): StateLayout["globals"] {
  const own = structure.globals.flatMap(({ type, isMutable }, index) =>
    isMutable && index >= structure.importedGlobals && isSaved(type) ? [{ name: globalName(index), type }] : [],
  );
  return [...own, ...helpers.droppedFlagNames().map((name) => ({ name, type: "i32" as const }))];
}

/** Exports what the layout names; the flags of dropped segments are exported already. */
function addStateExports(structure: ModuleStructure, additions: Additions, layout: StateLayout): void {
  const names = new Set(layout.globals.map(({ name }) => name));
  for (const index of structure.globals.keys()) {
    const name = globalName(index);
    if (names.has(name)) additions.exports.push({ name, kind: 3, index });
  }
  for (const index of structure.tables.keys()) {
    const name = tableName(index);
    if (layout.tables.includes(name)) additions.exports.push({ name, kind: 1, index });
  }
  const { start, importedFunctions } = structure;
  if (start === undefined) return;
  if (start >= structure.functions.length) throw new SyntaxError(`Malformed module: start names function ${start}`);
  additions.exports.push({ name: START_NAME, kind: 0, index: start < importedFunctions ? start : start + 1 });
}

const START_NAME = `${RESERVED_PREFIX}start`;
const globalName = (index: number): string => `${RESERVED_PREFIX}global-${index}`;
const tableName = (index: number): string => `${RESERVED_PREFIX}table-${index}`;
