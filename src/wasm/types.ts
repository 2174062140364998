import type { ByteReader } from "./byte-reader.ts";
import { UnsupportedModuleError } from "./errors.ts";
import { COUNT_LIMITS } from "./limits.ts";

/** A value type as the text format writes it: `i32`, `v128`, `funcref`, `(ref null 3)`, … */
export type ValueType = string;

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A type of the module: of functions, or of objects on the collected heap. */
export type DefinedType = FunctionType | "struct" | "array";

const NUMBER_TYPES: Readonly<Record<number, string>> = {
  0x7f: "i32",
  0x7e: "i64",
  0x7d: "f32",
  0x7c: "f64",
  0x7b: "v128",
};

const HEAP_TYPES: Readonly<Record<number, string>> = {
  0x74: "noexn",
  0x73: "nofunc",
  0x72: "noextern",
  0x71: "none",
  0x70: "func",
  0x6f: "extern",
  0x6e: "any",
  0x6d: "eq",
  0x6c: "i31",
  0x6b: "struct",
  0x6a: "array",
  0x69: "exn",
};

const REF_NULL = 0x63;
const REF = 0x64;

/** Reads a value type. */
export function readValueType(reader: ByteReader): ValueType {
  const at = reader.offset;
  const code = reader.u8("a value type");
  if (code === REF_NULL) return `(ref null ${readHeapType(reader)})`;
  if (code === REF) return `(ref ${readHeapType(reader)})`;
  const heap = HEAP_TYPES[code];
  return NUMBER_TYPES[code] ?? (heap ? `${heap}ref` : unknownType(reader, at));
}

/** Reads a heap type: an index of a defined type, or the name of an abstract one. */
export function readHeapType(reader: ByteReader): string {
  const at = reader.offset;
  const code = reader.s33("a heap type");
  return code >= 0 ? String(code) : (HEAP_TYPES[code + 0x80] ?? unknownType(reader, at));
}

/** Passes a block type: nothing, a value type or an index of a function type. */
export function skipBlockType(reader: ByteReader): void {
  const code = reader.peek();
  if (code === 0x40) reader.offset++;
  else if (code < 0x40 || code >= 0x80) reader.skipLeb(5, "a block type");
  else readValueType(reader);
}

/** Reads the type section's contents: all types in the order of their indices, those of recursion groups in line. */
export function readTypes(reader: ByteReader): DefinedType[] {
  const types: DefinedType[] = [];
  const groups = reader.count(COUNT_LIMITS.types, "types");
  for (let group = 0; group < groups; group++) {
    let members = 1;
    if (reader.peek() === 0x4e) {
      reader.offset++;
      members = reader.count(COUNT_LIMITS.types - types.length, "types of a recursion group");
    }
    for (let member = 0; member < members; member++) types.push(readSubType(reader));
  }
  return types;
}

function readSubType(reader: ByteReader): DefinedType {
  const at = reader.offset;
  let form = reader.u8("a type");
  if (form === 0x50 || form === 0x4f) {
    const supertypes = reader.count(COUNT_LIMITS.types, "supertypes");
    for (let index = 0; index < supertypes; index++) reader.u32("a type index");
    form = reader.u8("a composite type");
  }
  switch (form) {
    case 0x60:
      return {
        params: readValueTypes(reader, COUNT_LIMITS.parameters, "parameters"),
        results: readValueTypes(reader, COUNT_LIMITS.results, "results"),
      };
    case 0x5f: {
      const fields = reader.count(COUNT_LIMITS.fields, "fields");
      for (let index = 0; index < fields; index++) skipField(reader);
      return "struct";
    }
    case 0x5e:
      skipField(reader);
      return "array";
    default:
      return unknownType(reader, at);
  }
}

/** Reads a counted list of value types; `what` names them in errors. */
export function readValueTypes(reader: ByteReader, limit: number, what: string): ValueType[] {
  const count = reader.count(limit, what);
  return Array.from({ length: count }, () => readValueType(reader));
}

function skipField(reader: ByteReader): void {
  const packed = reader.peek();
  if (packed === 0x78 || packed === 0x77) reader.offset++;
  else readValueType(reader);
  reader.u8("a field's mutability");
}

function unknownType(reader: ByteReader, at: number): never {
  const code = reader.bytes[at] ?? 0;
  throw new UnsupportedModuleError(`Module has a type of unknown form 0x${code.toString(16)} at byte ${at}`);
}
