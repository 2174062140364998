import type { BlobId } from "./store/blob-folder.ts";
import type { Digest } from "./reference/digest.ts";

/** A manifest or index as it came. */
export interface FetchedManifest {
  readonly bytes: Uint8Array;
  /** What its place says it is; undefined where it says nothing. */
  readonly mediaType?: string;
  /** Of `bytes`. */
  readonly digest: Digest;
}

/** Where the images of one repository can be read: a registry, an OCI layout or the store. Digests are checked by the reader. */
export interface ReadableRepository {
  /** For messages: "registry ghcr.io", "OCI layout demo/images". */
  readonly place: string;
  /** By tag or digest. Throws RegistryError NOT_FOUND. */
  manifest(tagOrDigest: string, signal?: AbortSignal): Promise<FetchedManifest>;
  /** Digest that a tag has now, when that is cheaper to ask than the manifest; undefined when the place does not say. */
  digestOfTag(tag: string, signal?: AbortSignal): Promise<Digest | undefined>;
  blob(blob: BlobId, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** An image at its place: by tag, by digest, or by another name that the place knows. */
export interface CopySource {
  readonly repository: ReadableRepository;
  readonly tagOrDigest: string;
}

/** Content that can be sent again when an upload fails. */
export type BlobSource = () => AsyncIterable<Uint8Array>;

/** Where images of one repository can be written. */
export interface WritableRepository {
  readonly place: string;
  hasBlob(blob: BlobId, signal?: AbortSignal): Promise<boolean>;
  putBlob(blob: BlobId, source: BlobSource, signal?: AbortSignal): Promise<void>;
  /** Under the tag, or under its digest alone. All it names is there already. */
  putManifest(manifest: FetchedManifest, tag: string | undefined, signal?: AbortSignal): Promise<void>;
}
