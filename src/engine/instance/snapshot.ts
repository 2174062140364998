import { closeFile, createSealedFile, type Extent, mappingPageBytes } from "./native-memory.ts";

/** Gaps of zeros shorter than this do not end an extent. */
const MIN_GAP_BYTES = 256 * 1024;
/** Extents of one snapshot. Threat: each is a mapping in every instance, of which a process has 65,530. */
const MAX_EXTENTS = 4;

interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * A memory as it is after instantiation and before any code ran: the parts that are not zero. One per module and thread, shared by
 * all instances; as bytes for copying, and on demand as a file for mapping.
 */
export class Snapshot {
  readonly sizeBytes: number;
  readonly #extents: readonly Extent[];
  #file: number | undefined;

  constructor(buffer: ArrayBuffer, pageBytes = mappingPageBytes()) {
    this.sizeBytes = buffer.byteLength;
    this.#extents = findExtents(buffer, pageBytes).map(({ offset, length }) => ({
      offset,
      bytes: new Uint8Array(buffer).slice(offset, offset + length),
    }));
  }

  /** In ascending order, page-aligned. */
  get extents(): readonly Extent[] {
    return this.#extents;
  }

  /** The sealed file, made when first asked for. It belongs to the snapshot. */
  file(): number {
    this.#file ??= createSealedFile(this.#extents, this.sizeBytes);
    return this.#file;
  }

  /** Closes the file, if there is one; mappings of it stay valid. */
  close(): void {
    if (this.#file !== undefined) closeFile(this.#file);
    this.#file = undefined;
  }
}

/** Page-aligned ranges that hold all bytes that are not zero. */
function findExtents(buffer: ArrayBuffer, pageBytes: number): readonly Range[] {
  const bytes = Buffer.from(buffer);
  const zeros = Buffer.alloc(pageBytes);
  const pages: Range[] = [];
  for (let offset = 0; offset < bytes.length; offset += pageBytes) {
    const isZero = bytes.compare(zeros, 0, pageBytes, offset, offset + pageBytes) === 0;
    if (!isZero) pages.push({ offset, length: pageBytes });
  }
  let gapBytes = MIN_GAP_BYTES;
  let extents = joined(pages, gapBytes);
  while (extents.length > MAX_EXTENTS) {
    gapBytes *= 2;
    extents = joined(extents, gapBytes);
  }
  return extents;
}

/** Ranges with gaps shorter than `gapBytes` between them made one. */
function joined(ranges: readonly Range[], gapBytes: number): readonly Range[] {
  const result: { offset: number; length: number }[] = [];
  for (const { offset, length } of ranges) {
    const last = result.at(-1);
    if (last && offset - (last.offset + last.length) < gapBytes) last.length = offset + length - last.offset;
    else result.push({ offset, length });
  }
  return result;
}
