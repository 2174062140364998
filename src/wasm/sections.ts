import type { ByteReader } from "./byte-reader.ts";
import { UnsupportedModuleError } from "./errors.ts";

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** Order in which sections may stand in a module, each at most once. */
const ORDER: readonly number[] = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.memory,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
];

/** Where the contents of a section stand in the module. */
export interface Section {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** Splits a module into its sections; `reader` stands after the eight bytes of the preamble. */
export function readSections(reader: ByteReader): Section[] {
  const sections: Section[] = [];
  let last = -1;
  while (reader.offset < reader.end) {
    const at = reader.offset;
    const id = reader.u8("a section");
    const size = reader.u32("the size of a section");
    const start = reader.offset;
    reader.skip(size, `the contents of section ${id}`);
    sections.push({ id, start, end: reader.offset });
    if (id === SECTION.custom) continue;
    const place = ORDER.indexOf(id);
    if (place < 0) throw new UnsupportedModuleError(`Module has a section of unknown kind ${id} at byte ${at}`);
    if (place <= last) reader.fail(`section ${id} once and in order`, at);
    last = place;
  }
  return sections;
}
