import { RegistryError, StoreError } from "../errors.ts";
import { type Digest, isDigest } from "../reference/digest.ts";
import { type Reference, repositoryName } from "../reference/reference.ts";
import type { FetchedManifest, ReadableRepository } from "../repository.ts";
import type { BlobId } from "./blob-folder.ts";
import type { ImageStore } from "./image-store.ts";

/** Images of one repository as the store holds them, for copying them elsewhere. Of an index only the pulled image is there. */
export class StoreRepository implements ReadableRepository {
  readonly place: string;
  readonly #store: ImageStore;
  readonly #repository: string;

  constructor(store: ImageStore, reference: Reference) {
    this.place = `image store ${store.root}`;
    this.#store = store;
    this.#repository = repositoryName(reference);
  }

  async manifest(tagOrDigest: string): Promise<FetchedManifest> {
    const name = `${this.#repository}${isDigest(tagOrDigest) ? "@" : ":"}${tagOrDigest}`;
    const image = await this.#store.find(name);
    if (!image) throw new RegistryError("NOT_FOUND", `The image ${name} is not in the store at ${this.#store.root}`);
    const bytes = await this.#store.blobs.read(image.digest);
    return { bytes, digest: image.digest, mediaType: image.mediaType };
  }

  async digestOfTag(tag: string): Promise<Digest | undefined> {
    return (await this.#store.find(`${this.#repository}:${tag}`))?.digest;
  }

  async *blob(blob: BlobId): AsyncGenerator<Uint8Array> {
    if (!(await this.#store.blobs.has(blob))) {
      throw new StoreError(
        "INCOMPLETE",
        `The store has only those parts of an image that running it needs, and blob ${blob.digest} is none; copy from its registry`,
      );
    }
    yield* this.#store.blobs.stream(blob.digest) as AsyncIterable<Uint8Array>;
  }
}
