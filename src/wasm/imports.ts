import type { ByteReader } from "./byte-reader.ts";
import {
  type GlobalDeclaration,
  type MemoryType,
  readGlobalType,
  readMemoryType,
  readTableType,
  type TableType,
} from "./entities.ts";
import { COUNT_LIMITS } from "./limits.ts";

/** What a module imports or exports; the order is that of the kind bytes. */
export const KINDS = ["function", "table", "memory", "global", "tag"] as const;

export type ExternalKind = (typeof KINDS)[number];

/** An import with the description of what it must be. */
export type ImportEntry = { readonly module: string; readonly name: string } & (
  | { readonly kind: "function"; readonly typeIndex: number }
  | { readonly kind: "table"; readonly table: TableType }
  | { readonly kind: "memory"; readonly memory: MemoryType }
  | { readonly kind: "global"; readonly global: GlobalDeclaration }
  | { readonly kind: "tag"; readonly typeIndex: number }
);

export interface ExportEntry {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly index: number;
}

/** Reads the import section. */
export function readImports(reader: ByteReader): ImportEntry[] {
  const count = reader.count(COUNT_LIMITS.imports, "imports");
  return Array.from({ length: count }, () => readImport(reader));
}

function readImport(reader: ByteReader): ImportEntry {
  const from = { module: reader.name("a module name"), name: reader.name("an import name") };
  const kind = readKind(reader);
  switch (kind) {
    case "function":
      return { ...from, kind, typeIndex: reader.u32("a type index") };
    case "table":
      return { ...from, kind, table: readTableType(reader) };
    case "memory":
      return { ...from, kind, memory: readMemoryType(reader) };
    case "global":
      return { ...from, kind, global: readGlobalType(reader) };
    case "tag":
      return { ...from, kind, typeIndex: readTag(reader) };
  }
}

/** Reads the export section. */
export function readExports(reader: ByteReader): ExportEntry[] {
  const count = reader.count(COUNT_LIMITS.exports, "exports");
  return Array.from({ length: count }, () => ({
    name: reader.name("an export name"),
    kind: readKind(reader),
    index: reader.u32("an index"),
  }));
}

/** Reads the tag section: the types' indices. */
export function readTags(reader: ByteReader): number[] {
  const count = reader.count(COUNT_LIMITS.tags, "tags");
  return Array.from({ length: count }, () => readTag(reader));
}

function readTag(reader: ByteReader): number {
  reader.u8("a tag's attribute");
  return reader.u32("a type index");
}

function readKind(reader: ByteReader): ExternalKind {
  const at = reader.offset;
  return KINDS[reader.u8("the kind of an import or export")] ?? reader.fail("the kind of an import or export", at);
}
