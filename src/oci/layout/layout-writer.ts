import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import { MANIFEST_TYPES } from "../manifest/media-types.ts";
import { hexOf } from "../reference/digest.ts";
import type { BlobSource, FetchedManifest, WritableRepository } from "../repository.ts";
import type { BlobId } from "../store/blob-folder.ts";
import { LAYOUT_INDEX_FILE, LAYOUT_VERSION_FILE, readLayoutIndex, REF_NAME } from "./layout-index.ts";

/**
 * Writes images into an OCI image layout, which is made when it is absent. A tag becomes `org.opencontainers.image.ref.name` as it
 * is and takes the name from the image that had it. One process at a time may write to a layout.
 */
export class LayoutWriter implements WritableRepository {
  readonly place: string;
  readonly #folder: string;
  readonly #limits: ImageLimits;

  constructor(folder: string, limits: ImageLimits) {
    this.place = `OCI layout ${folder}`;
    this.#folder = folder;
    this.#limits = limits;
  }

  async hasBlob({ digest, size }: BlobId): Promise<boolean> {
    const found = await stat(this.#blobFile(digest)).catch(() => undefined);
    return found?.size === size;
  }

  async putBlob({ digest }: BlobId, source: BlobSource): Promise<void> {
    await this.#write(this.#blobFile(digest), source());
  }

  async putManifest({ bytes, digest, mediaType }: FetchedManifest, tag: string | undefined): Promise<void> {
    await this.#write(this.#blobFile(digest), bytes);
    if (tag === undefined) return;
    const entry = {
      mediaType: mediaType ?? MANIFEST_TYPES.ociManifest,
      digest,
      size: bytes.length,
      annotations: { [REF_NAME]: tag },
    };
    const others = (await this.#entries()).filter(({ annotations }) => annotations?.[REF_NAME] !== tag);
    const index = { schemaVersion: 2, mediaType: MANIFEST_TYPES.ociIndex, manifests: [...others, entry] };
    await this.#write(path.join(this.#folder, LAYOUT_INDEX_FILE), `${JSON.stringify(index, undefined, 2)}\n`);
  }

  /** What the layout names now; makes an empty one where there is nothing, and refuses a folder that holds something else. */
  async #entries() {
    const version = path.join(this.#folder, LAYOUT_VERSION_FILE);
    const found = await readFile(version, "utf8").catch(() => undefined);
    if (found !== undefined) return readLayoutIndex(this.#folder, this.#limits);
    const isOther = await stat(path.join(this.#folder, LAYOUT_INDEX_FILE)).catch(() => undefined);
    if (isOther) {
      throw new RegistryError(
        "BAD_MANIFEST",
        `The folder ${this.#folder} has an index.json but is no OCI image layout`,
      );
    }
    await this.#write(version, `${JSON.stringify({ imageLayoutVersion: "1.0.0" })}\n`);
    return [];
  }

  /** By a file beside it and a rename, so that no reader finds half of it. */
  async #write(file: string, content: string | Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true });
    const unfinished = `${file}.${randomUUID()}`;
    try {
      await writeFile(unfinished, content, { flag: "wx" });
      await rename(unfinished, file);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  #blobFile(digest: BlobId["digest"]): string {
    return path.join(this.#folder, "blobs", "sha256", hexOf(digest));
  }
}
