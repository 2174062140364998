import type { ByteReader } from "./byte-reader.ts";
import { skipConstantExpression } from "./instructions.ts";
import { COUNT_LIMITS } from "./limits.ts";
import { readValueType } from "./types.ts";

/** Data or elements of a module. */
export interface Segment {
  /** Instructions copy from it; others are used up when an instance is made. */
  readonly isPassive: boolean;
  /** In bytes or entries. */
  readonly length: number;
}

/** Reads the element section; function indices and constant expressions pass through the reader's hooks. */
export function readElements(reader: ByteReader): Segment[] {
  const count = reader.count(COUNT_LIMITS.elementSegments, "element segments");
  return Array.from({ length: count }, () => readElementSegment(reader));
}

function readElementSegment(reader: ByteReader): Segment {
  const at = reader.offset;
  const flags = reader.u32("the kind of an element segment");
  if (flags > 7) reader.fail("the kind of an element segment", at);
  const isActive = (flags & 1) === 0;
  const hasTypeOrIndex = (flags & 2) !== 0;
  const hasExpressions = (flags & 4) !== 0;
  if (isActive) {
    if (hasTypeOrIndex) reader.u32("a table index");
    skipConstantExpression(reader);
  }
  if (!isActive || hasTypeOrIndex) {
    if (hasExpressions) readValueType(reader);
    else reader.u8("the kind of elements");
  }
  const length = reader.count(COUNT_LIMITS.elements, "elements");
  for (let index = 0; index < length; index++) {
    if (hasExpressions) skipConstantExpression(reader);
    else reader.functionIndex();
  }
  return { isPassive: flags === 1 || flags === 5, length };
}

/** Reads the data section. */
export function readData(reader: ByteReader): Segment[] {
  const count = reader.count(COUNT_LIMITS.dataSegments, "data segments");
  return Array.from({ length: count }, () => readDataSegment(reader));
}

function readDataSegment(reader: ByteReader): Segment {
  const at = reader.offset;
  const flags = reader.u32("the kind of a data segment");
  if (flags > 2) reader.fail("the kind of a data segment", at);
  const isPassive = flags === 1;
  if (!isPassive) {
    reader.useMemory(flags === 2 ? reader.u32("a memory index") : 0, at);
    skipConstantExpression(reader);
  }
  const length = reader.u32("the length of a data segment");
  reader.skip(length, "the bytes of a data segment");
  return { isPassive, length };
}
