import type { ByteReader } from "./byte-reader.ts";
import { skipConstantExpression } from "./instructions.ts";
import { COUNT_LIMITS } from "./limits.ts";
import { readValueType, type ValueType } from "./types.ts";

/** Size limits of a memory (in pages) or a table (in entries). */
export interface Limits {
  readonly min: number;
  readonly max?: number;
  readonly isShared: boolean;
  /** Addresses have 64 bits. */
  readonly is64: boolean;
}

/** A memory; `pageSizeLog2` is 16 unless the module sets it. */
export interface MemoryType extends Limits {
  readonly pageSizeLog2: number;
}

export interface TableType extends Limits {
  readonly element: ValueType;
  /** Where the element type stands in the module; the limits follow it. */
  readonly elementRange: readonly [start: number, end: number];
}

export interface GlobalDeclaration {
  readonly type: ValueType;
  readonly isMutable: boolean;
}

const HAS_MAX = 1;
const SHARED = 2;
const IS_64 = 4;
const PAGE_SIZE = 8;

/** Reads the limits of a table, or of a memory without page size. */
function readLimits(reader: ByteReader, flags: number): Limits {
  const is64 = (flags & IS_64) !== 0;
  const bound = (what: string): number => (is64 ? reader.u64(what) : reader.u32(what));
  const min = bound("a minimum size");
  const limits = { min, isShared: (flags & SHARED) !== 0, is64 };
  return flags & HAS_MAX ? { ...limits, max: bound("a maximum size") } : limits;
}

export function readMemoryType(reader: ByteReader): MemoryType {
  const at = reader.offset;
  const flags = reader.u8("the flags of a memory");
  if (flags > (HAS_MAX | SHARED | IS_64 | PAGE_SIZE)) reader.fail("the flags of a memory", at);
  const limits = readLimits(reader, flags);
  return { ...limits, pageSizeLog2: flags & PAGE_SIZE ? reader.u32("a page size") : 16 };
}

export function readTableType(reader: ByteReader): TableType {
  const start = reader.offset;
  const element = readValueType(reader);
  const end = reader.offset;
  const flags = reader.u8("the flags of a table");
  if (flags > (HAS_MAX | SHARED | IS_64)) reader.fail("the flags of a table", end);
  return { element, elementRange: [start, end], ...readLimits(reader, flags) };
}

export function readGlobalType(reader: ByteReader): GlobalDeclaration {
  const type = readValueType(reader);
  const at = reader.offset;
  const mutability = reader.u8("a global's mutability");
  if (mutability > 1) reader.fail("a global's mutability", at);
  return { type, isMutable: mutability === 1 };
}

export function readTables(reader: ByteReader): TableType[] {
  const count = reader.count(COUNT_LIMITS.tables, "tables");
  return Array.from({ length: count }, () => readTable(reader));
}

function readTable(reader: ByteReader): TableType {
  const hasInitialValue = reader.peek() === 0x40;
  if (hasInitialValue) reader.skip(2, "a table with an initial value");
  const table = readTableType(reader);
  if (hasInitialValue) skipConstantExpression(reader);
  return table;
}

export function readMemories(reader: ByteReader): MemoryType[] {
  const count = reader.count(COUNT_LIMITS.memories, "memories");
  return Array.from({ length: count }, () => readMemoryType(reader));
}

export function readGlobals(reader: ByteReader): GlobalDeclaration[] {
  const count = reader.count(COUNT_LIMITS.globals, "globals");
  return Array.from({ length: count }, () => readGlobal(reader));
}

/** Reads one entry of the global section. */
export function readGlobal(reader: ByteReader): GlobalDeclaration {
  const global = readGlobalType(reader);
  skipConstantExpression(reader);
  return global;
}
