// Mutations that keep a module's outer form, so that more of them get past the first checks than changed bytes do.
import * as fc from "fast-check";

const HEADER_BYTES = 8;

interface RawSection {
  readonly id: number;
  readonly payload: readonly number[];
  /** Bytes that its size is written in: more than needed is allowed up to 5. */
  readonly sizeBytes?: number;
}

type SectionMutation = (sections: readonly RawSection[]) => readonly RawSection[];

const byte = fc.nat({ max: 255 });
const bytes = fc.array(byte, { maxLength: 24 });
/** Which section, which other one, which place in it. */
const where = fc.record({ section: fc.nat({ max: 20 }), other: fc.nat({ max: 20 }), at: fc.nat({ max: 4000 }) });

const replaced = fc.tuple(where, bytes, fc.nat({ max: 8 })).map(
  ([{ section, at }, put, drop]): SectionMutation =>
    (sections) =>
      changed(sections, section, ({ payload, ...rest }) => {
        const start = at % (payload.length + 1);
        return { ...rest, payload: [...payload.slice(0, start), ...put, ...payload.slice(start + drop)] };
      }),
);

/** The first byte of most sections is how many entries they have. */
const recounted = fc.tuple(where, fc.oneof(byte, fc.constantFrom(0, 1, 127))).map(
  ([{ section }, count]): SectionMutation =>
    (sections) =>
      changed(sections, section, ({ payload, ...rest }) => ({ ...rest, payload: [count, ...payload.slice(1)] })),
);

const cut = where.map(
  ({ section, at }): SectionMutation =>
    (sections) =>
      changed(sections, section, ({ payload, ...rest }) => ({
        ...rest,
        payload: payload.slice(0, at % (payload.length + 1)),
      })),
);

const overlong = fc.tuple(where, fc.integer({ min: 2, max: 6 })).map(
  ([{ section }, sizeBytes]): SectionMutation =>
    (sections) =>
      changed(sections, section, (found) => ({ ...found, sizeBytes })),
);

const moved = fc
  .tuple(where, fc.constantFrom("swap", "repeat", "drop", "insert", "rename"), bytes, byte)
  .map(([{ section, other }, kind, payload, id]): SectionMutation => (sections) => {
    const from = section % Math.max(1, sections.length);
    const to = other % Math.max(1, sections.length);
    const list = [...sections];
    const found = list[from];
    const target = list[to];
    if (!found || !target) return sections;
    if (kind === "swap") [list[from], list[to]] = [target, found];
    else if (kind === "repeat") list.splice(to, 0, found);
    else if (kind === "drop") list.splice(from, 1);
    else if (kind === "insert") list.splice(to, 0, { id: id % 16, payload });
    else list[from] = { ...found, id: id % 16 };
    return list;
  });

/** Changes one to three sections of a well-formed module. */
export const sectionMutations = fc
  .array(fc.oneof({ arbitrary: replaced, weight: 4 }, recounted, cut, overlong, moved), { minLength: 1, maxLength: 3 })
  .map((mutations) => (module: Uint8Array): Uint8Array => {
    const sections = mutations.reduce<readonly RawSection[]>((list, mutate) => mutate(list), split(module));
    return Uint8Array.from([...module.subarray(0, HEADER_BYTES), ...sections.flatMap(joined)]);
  });

function changed(
  sections: readonly RawSection[],
  index: number,
  change: (section: RawSection) => RawSection,
): readonly RawSection[] {
  const chosen = index % Math.max(1, sections.length);
  return sections.map((section, at) => (at === chosen ? change(section) : section));
}

function split(module: Uint8Array): readonly RawSection[] {
  const sections: RawSection[] = [];
  for (let at = HEADER_BYTES; at < module.length;) {
    const id = module[at] ?? 0;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      at += 1;
      const part = module[at] ?? 0;
      size += (part & 0x7f) * 2 ** shift;
      if (part < 0x80) break;
    }
    sections.push({ id, payload: [...module.subarray(at + 1, at + 1 + size)] });
    at += 1 + size;
  }
  return sections;
}

function joined({ id, payload, sizeBytes = 0 }: RawSection): number[] {
  const size: number[] = [];
  for (let rest = payload.length; ; rest = Math.floor(rest / 128)) {
    const isLast = rest < 128 && size.length + 1 >= sizeBytes;
    size.push(isLast ? rest : (rest % 128) | 0x80);
    if (isLast) break;
  }
  return [id, ...size, ...payload];
}
