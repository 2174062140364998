import type { Digest } from "../reference/digest.ts";
import type { ImageRecord } from "./image-record.ts";

/** What garbage collection decides from. */
export interface StoreContents {
  readonly images: readonly ImageRecord[];
  /** When each image was last leased, in milliseconds since 1970, by digest of its manifest. */
  readonly lastUsed: ReadonlyMap<Digest, number>;
  /** Bytes on disk of every blob, and of everything prepared from it. */
  readonly blobBytes: ReadonlyMap<Digest, number>;
  readonly preparedBytes: ReadonlyMap<Digest, number>;
  readonly leased: ReadonlySet<Digest>;
}

export interface GarbagePlan {
  /** Digests of the manifests of images to forget. */
  readonly images: ReadonlySet<Digest>;
  readonly blobs: ReadonlySet<Digest>;
  readonly prepared: ReadonlySet<Digest>;
  readonly freedBytes: number;
}

/** Whether anybody uses the image: its manifest or its module is leased. */
export function isLeased({ digest, moduleDigest }: ImageRecord, leased: ReadonlySet<Digest>): boolean {
  return leased.has(digest) || leased.has(moduleDigest);
}

/**
 * Decides what to remove so that the store shrinks by `excessBytes`: first what belongs to no image and what has no name, then the
 * images that were used least recently, never one that is leased. Frees less when that is all there is.
 */
export function planGarbage(contents: StoreContents, excessBytes: number): GarbagePlan {
  const { images, leased, lastUsed } = contents;
  const lastUse = (image: ImageRecord) =>
    isNamed(image) ? (lastUsed.get(image.digest) ?? 0) : Number.NEGATIVE_INFINITY;
  const candidates = images.filter((image) => !isLeased(image, leased)).toSorted((a, b) => lastUse(a) - lastUse(b));
  const removed = new Set<ImageRecord>();
  let plan = unused(contents, removed);
  for (const image of candidates) {
    if (isNamed(image) && plan.freedBytes >= excessBytes) break;
    removed.add(image);
    plan = unused(contents, removed);
  }
  return plan;
}

/** An image that lost all its names while it was in use. */
function isNamed({ tags, digests }: ImageRecord): boolean {
  return tags.length + digests.length > 0;
}

/** What nobody needs any more once `removed` are gone. */
export function unused(contents: StoreContents, removed: ReadonlySet<ImageRecord>): GarbagePlan {
  const { images, blobBytes, preparedBytes, leased } = contents;
  const kept = images.filter((image) => !removed.has(image));
  const needed = new Set([...leased, ...kept.flatMap(({ blobs }) => blobs.map(({ digest }) => digest))]);
  const modules = new Set([...leased, ...kept.map(({ moduleDigest }) => moduleDigest)]);
  const blobs = [...blobBytes.keys()].filter((digest) => !needed.has(digest));
  const prepared = [...preparedBytes.keys()].filter((digest) => !modules.has(digest));
  return {
    images: new Set([...removed].map(({ digest }) => digest)),
    blobs: new Set(blobs),
    prepared: new Set(prepared),
    freedBytes: total(blobs, blobBytes) + total(prepared, preparedBytes),
  };
}

function total(digests: readonly Digest[], bytes: ReadonlyMap<Digest, number>): number {
  return digests.reduce((sum, digest) => sum + (bytes.get(digest) ?? 0), 0);
}
