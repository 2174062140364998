import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { formatBytes } from "../../base/index.ts";
import { RegistryError, storeError, StoreError } from "../errors.ts";
import { type Digest, digestOf } from "../reference/digest.ts";
import { writeAtomic } from "./atomic-file.ts";
import type { Lease } from "./leases.ts";
import type { StoreLayout } from "./store-layout.ts";

/** A blob by its content. */
export interface BlobId {
  readonly digest: Digest;
  readonly size: number;
}

export interface IngestOptions {
  /** Names the content in messages. */
  readonly name: string;
  readonly maxBytes: number;
  /** What the content must turn out to be. */
  readonly expected?: BlobId;
  /** Takes the digest before the blob is there, so that it is never there unleased. */
  readonly lease: Lease;
}

/** The blobs of a store: written whole or not at all, under the digest of their content. */
export class BlobFolder {
  readonly #layout: StoreLayout;
  readonly #owner: string;
  #written = 0;

  /** `owner` begins the names of unfinished files, so that those of a process that ended can be told. */
  constructor(layout: StoreLayout, owner: string) {
    this.#layout = layout;
    this.#owner = owner;
  }

  /** File of a blob, whether it is there or not. */
  pathOf(digest: Digest): string {
    return this.#layout.blob(digest);
  }

  /** Whether the whole blob is there. Lease its digest first, or it may be collected after the answer. */
  async has({ digest, size }: BlobId): Promise<boolean> {
    const found = await stat(this.#layout.blob(digest)).catch(() => undefined);
    return found?.size === size;
  }

  /** Reads a small blob whole. Throws StoreError INCOMPLETE when it is absent, DAMAGED when it is not what its digest says. */
  async read(digest: Digest): Promise<Uint8Array> {
    const file = this.#layout.blob(digest);
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw new StoreError("INCOMPLETE", `The image store has no blob ${digest}; pull its image again`, { cause });
    });
    if (digestOf(bytes) === digest) return bytes;
    throw new StoreError("DAMAGED", `The blob ${file} is damaged; remove it and pull its image again`);
  }

  /** Streams a blob of which `has` said that it is there. */
  stream(digest: Digest): Readable {
    return createReadStream(this.#layout.blob(digest));
  }

  /**
   * Writes content while hashing it. Throws RegistryError TOO_LARGE, BAD_SIZE, BAD_DIGEST, or StoreError NO_SPACE; nothing of it is
   * then left behind.
   */
  async ingest(content: AsyncIterable<Uint8Array>, options: IngestOptions): Promise<BlobId> {
    const unfinished = path.join(this.#layout.ingest, `${this.#owner}.${++this.#written}`);
    const commit = async ({ digest }: BlobId) => {
      await options.lease.add(digest);
      return this.#layout.blob(digest);
    };
    try {
      return await writeAtomic(unfinished, (handle) => writeHashed(handle, content, options), commit);
    } catch (error) {
      throw storeError(`write ${options.name}`, this.#layout.root, error);
    }
  }
}

async function writeHashed(
  handle: FileHandle,
  content: AsyncIterable<Uint8Array>,
  { name, maxBytes, expected }: IngestOptions,
): Promise<BlobId> {
  const hash = createHash("sha256");
  const limit = expected?.size ?? maxBytes;
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > limit) throw tooLong(name, limit, expected);
    hash.update(chunk);
    await writeAll(handle, chunk);
  }
  const found: BlobId = { digest: `sha256:${hash.digest("hex")}`, size };
  if (expected && size < expected.size) {
    throw new RegistryError("BAD_SIZE", `${name} ended after ${size} bytes of ${expected.size}`);
  }
  if (expected && found.digest !== expected.digest) {
    throw new RegistryError("BAD_DIGEST", `${name} has digest ${found.digest} instead of ${expected.digest}`);
  }
  return found;
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await handle.write(chunk, written, chunk.length - written)).bytesWritten;
  }
}

function tooLong(name: string, limit: number, expected: BlobId | undefined): RegistryError {
  return expected
    ? new RegistryError("BAD_SIZE", `${name} is longer than the ${limit} bytes that were announced`)
    : new RegistryError("TOO_LARGE", `${name} is larger than ${formatBytes(limit)}`);
}
