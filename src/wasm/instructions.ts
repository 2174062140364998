import type { ByteReader } from "./byte-reader.ts";
import { UnsupportedModuleError } from "./errors.ts";
import { MAX_CONSTANT_BYTES } from "./limits.ts";
import { IMMEDIATE, OP, PLAIN_OPCODES, PREFIXED_OPCODES } from "./opcodes.ts";
import { readHeapType, readValueType, skipBlockType } from "./types.ts";

/** Bit of a memory access's flags: a memory index follows. */
const HAS_MEMORY_INDEX = 0x40;
/** Largest alignment of any access, as a power of two; larger flags belong to proposals that are not read. */
const MAX_ALIGNMENT = 4;

/** Passes a constant expression, its `end` included. All of a section may have `MAX_CONSTANT_BYTES`. */
export function skipConstantExpression(reader: ByteReader): void {
  const start = reader.offset;
  while (reader.peek() !== OP.end) skipInstruction(reader);
  reader.offset++;
  reader.constantBytes += reader.offset - start;
  if (reader.constantBytes <= MAX_CONSTANT_BYTES) return;
  throw new UnsupportedModuleError(
    `Module has more than ${MAX_CONSTANT_BYTES} bytes of constant expressions at byte ${start}`,
  );
}

/** Passes one instruction; indices of functions, globals and memories go through the reader's hooks. */
export function skipInstruction(reader: ByteReader): void {
  const at = reader.offset;
  const opcode = reader.u8("an instruction");
  const immediate = PLAIN_OPCODES[opcode] ?? IMMEDIATE.unknown;
  if (immediate === IMMEDIATE.none) return;
  if (immediate === IMMEDIATE.prefix) skipPrefixed(reader, opcode, at);
  else if (immediate === IMMEDIATE.unknown) unknownInstruction(opcode.toString(16), at);
  else skipImmediate(reader, immediate, at);
}

/** Passes the rest of an instruction whose prefix byte has been read at offset `at`; answers the opcode behind it. */
export function skipPrefixed(reader: ByteReader, prefix: number, at: number): number {
  const opcode = reader.u32("an opcode");
  const immediate = PREFIXED_OPCODES[prefix]?.[opcode] ?? IMMEDIATE.unknown;
  if (immediate === IMMEDIATE.unknown) unknownInstruction(`${prefix.toString(16)} 0x${opcode.toString(16)}`, at);
  skipImmediate(reader, immediate, at);
  return opcode;
}

/** Refuses an instruction. */
export function unknownInstruction(code: string, at: number): never {
  throw new UnsupportedModuleError(`Module uses an unknown instruction 0x${code} at byte ${at}`);
}

/** Passes what follows an opcode. */
export function skipImmediate(reader: ByteReader, immediate: number, at: number): void {
  switch (immediate) {
    case IMMEDIATE.none:
      return;
    case IMMEDIATE.index:
      return reader.skipLeb(5, "an index");
    case IMMEDIATE.memoryAccess:
      return skipMemoryAccess(reader, at);
    case IMMEDIATE.i32:
      return reader.skipLeb(5, "a 32-bit constant");
    case IMMEDIATE.blockType:
      return skipBlockType(reader);
    case IMMEDIATE.functionIndex:
      reader.functionIndex();
      return;
    case IMMEDIATE.globalIndex:
      reader.globalIndex();
      return;
    case IMMEDIATE.i64:
      return reader.skipLeb(10, "a 64-bit constant");
    case IMMEDIATE.bytes4:
      return reader.skip(4, "a constant");
    case IMMEDIATE.bytes8:
      return reader.skip(8, "a constant");
    case IMMEDIATE.bytes16:
      return reader.skip(16, "a constant");
    default:
      skipRareImmediate(reader, immediate, at);
  }
}

function skipRareImmediate(reader: ByteReader, immediate: number, at: number): void {
  switch (immediate) {
    case IMMEDIATE.twoIndices:
      reader.u32("an index");
      reader.u32("an index");
      return;
    case IMMEDIATE.byte:
      return reader.skip(1, "a lane or ordering");
    case IMMEDIATE.branchTable:
      return skipBranchTable(reader);
    case IMMEDIATE.valueTypes:
      return skipValueTypes(reader);
    case IMMEDIATE.heapType:
      readHeapType(reader);
      return;
    case IMMEDIATE.catches:
      return skipCatches(reader);
    case IMMEDIATE.memoryIndex:
      return reader.useMemory(reader.u32("a memory index"), at);
    case IMMEDIATE.memoryAccessLane:
      skipMemoryAccess(reader, at);
      return reader.skip(1, "a lane");
    case IMMEDIATE.castBranch:
      return skipCastBranch(reader);
    case IMMEDIATE.segmentMemory:
      reader.u32("a data segment index");
      return reader.useMemory(reader.u32("a memory index"), at);
    case IMMEDIATE.twoMemories:
      reader.useMemory(reader.u32("a memory index"), at);
      return reader.useMemory(reader.u32("a memory index"), at);
    default:
      throw new RangeError(`No immediate ${immediate}`);
  }
}

function skipMemoryAccess(reader: ByteReader, at: number): void {
  const flags = reader.u32("the alignment of a memory access");
  if ((flags & ~HAS_MEMORY_INDEX) > MAX_ALIGNMENT) {
    throw new UnsupportedModuleError(`Module has a memory access of unknown form ${flags} at byte ${at}`);
  }
  reader.useMemory(flags & HAS_MEMORY_INDEX ? reader.u32("a memory index") : 0, at);
  reader.skipLeb(10, "the offset of a memory access");
}

function skipBranchTable(reader: ByteReader): void {
  const count = reader.count(reader.end, "labels");
  for (let index = 0; index <= count; index++) reader.skipLeb(5, "a label");
}

function skipValueTypes(reader: ByteReader): void {
  const count = reader.count(reader.end, "value types");
  for (let index = 0; index < count; index++) readValueType(reader);
}

/** `try_table`: a block type, then clauses of a kind, a tag (not for `catch_all`) and a label. */
function skipCatches(reader: ByteReader): void {
  skipBlockType(reader);
  const count = reader.count(reader.end, "catch clauses");
  for (let index = 0; index < count; index++) {
    const at = reader.offset;
    const kind = reader.u8("a catch clause");
    if (kind > 3) reader.fail("a catch clause", at);
    if (kind < 2) reader.u32("a tag index");
    reader.u32("a label");
  }
}

function skipCastBranch(reader: ByteReader): void {
  reader.u8("the flags of a cast");
  reader.u32("a label");
  readHeapType(reader);
  readHeapType(reader);
}
