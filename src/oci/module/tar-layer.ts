import path from "node:path";
import { PassThrough, type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { formatBytes } from "../../base/index.ts";
import { RegistryError, StoreError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";

export type Compression = "none" | "gzip" | "zstd";

/** What the layers of one image may still cost to read; shared by all of them. */
export class UnpackBudget {
  readonly #limits: ImageLimits;
  readonly #name: string;
  #bytes = 0;
  #entries = 0;

  constructor(limits: ImageLimits, name: string) {
    this.#limits = limits;
    this.#name = name;
  }

  /** Throws RegistryError TOO_LARGE: a small archive can unpack to terabytes. */
  takeBytes(count: number): void {
    const { maxUnpackedBytes } = this.#limits;
    this.#bytes += count;
    if (this.#bytes <= maxUnpackedBytes) return;
    throw new RegistryError("TOO_LARGE", `The layers of ${this.#name} unpack to over ${formatBytes(maxUnpackedBytes)}`);
  }

  /** Throws RegistryError TOO_LARGE. */
  takeEntry(): void {
    const { maxTarEntries } = this.#limits;
    this.#entries += 1;
    if (this.#entries <= maxTarEntries) return;
    throw new RegistryError("TOO_LARGE", `The layers of ${this.#name} hold more than ${maxTarEntries} files`);
  }
}

export interface TarFile {
  /** Absolute and normalised, as a container would see it. */
  readonly path: string;
  readonly type: Header["type"];
  readonly content: AsyncIterable<Uint8Array>;
}

/** Sees one entry, may read its content, and ends the reading by answering true. */
export type TarVisitor = (file: TarFile) => Promise<boolean> | boolean;

export interface TarLayerOptions {
  readonly compression: Compression;
  readonly budget: UnpackBudget;
  /** The image, for messages. */
  readonly name: string;
}

/**
 * Reads a tar layer from its beginning, writing nothing. Entries whose names lead out of the image are left out. The tar reader
 * itself bounds long names and PAX headers. Throws RegistryError BAD_MANIFEST when it is no tar archive, TOO_LARGE over the budget.
 */
export async function readTarLayer(
  layer: Readable,
  { compression, budget, name }: TarLayerOptions,
  visit: TarVisitor,
): Promise<void> {
  const tar = extract();
  const flow = pipeline(layer, decompressor(compression), counter(budget), tar);
  // It fails together with the loop below, or because that ended early.
  flow.catch(() => {});
  try {
    for await (const entry of tar) {
      budget.takeEntry();
      const inside = insidePath(entry.header.name);
      // Its types do not say so, but a streamx stream is iterable.
      const content = entry as unknown as AsyncIterable<Uint8Array>;
      if (inside !== undefined && (await visit({ path: inside, type: entry.header.type, content }))) return;
      entry.resume();
    }
  } catch (cause) {
    if (!isFormatError(cause)) throw cause;
    throw new RegistryError("BAD_MANIFEST", `A layer of ${name} is no ${compression} tar archive: ${String(cause)}`, {
      cause,
    });
  } finally {
    layer.destroy();
    await flow.catch(() => {});
  }
}

/** `./app.wasm`, `app.wasm` and `/app.wasm` are the same file; undefined for a name with `..` or a NUL. */
function insidePath(name: string): string | undefined {
  if (name.includes("\0") || name.split("/").includes("..")) return undefined;
  return path.posix.join("/", name);
}

function decompressor(compression: Compression): NodeJS.ReadWriteStream {
  switch (compression) {
    case "none":
      return new PassThrough();
    case "gzip":
      return createGunzip();
    case "zstd":
      return createZstdDecompress();
  }
}

function counter(budget: UnpackBudget): Transform {
  return new Transform({
    transform(chunk: Uint8Array, _encoding, callback) {
      try {
        budget.takeBytes(chunk.length);
        callback(null, chunk);
      } catch (error) {
        callback(error as Error);
      }
    },
  });
}

/** Whether the archive is at fault, rather than a limit, the disk or the caller who gave up. */
function isFormatError(error: unknown): boolean {
  if (error instanceof RegistryError || error instanceof StoreError) return false;
  return error instanceof Error && !("syscall" in error) && error.name !== "AbortError";
}
