import { createHash } from "node:crypto";
import { formatBytes } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import type { PackedImage } from "../manifest/pack-image.ts";
import { type Manifest, parseManifest } from "../manifest/parse-manifest.ts";
import type { Digest } from "../reference/digest.ts";
import type { CopySource, FetchedManifest, ReadableRepository, WritableRepository } from "../repository.ts";
import type { BlobId } from "../store/blob-folder.ts";
import type { PullProgress } from "./pull-image.ts";

export interface CopyOptions {
  readonly limits: ImageLimits;
  readonly onProgress?: PullProgress;
  readonly signal?: AbortSignal;
}

export interface CopyTarget {
  readonly repository: WritableRepository;
  /** Absent: the image has no name there but its digest. */
  readonly tag?: string;
}

/**
 * Copies an image, or an index with all its images, from one place to another: first what is named, then what names it, so that
 * whoever sees a manifest finds all of it. What the target has is not sent again. Answers the digest.
 */
export async function copyImage(source: CopySource, target: CopyTarget, options: CopyOptions): Promise<Digest> {
  const { repository, tagOrDigest } = source;
  const name = `${tagOrDigest} in ${repository.place}`;
  const top = await repository.manifest(tagOrDigest, options.signal);
  const parsed = parseManifest(top.bytes, top.mediaType, name, options.limits);
  const children = parsed.kind === "index" ? await fetchChildren(repository, parsed.manifests, name, options) : [];
  const manifests = parsed.kind === "index" ? children.map(({ manifest }) => manifest) : [parsed];
  const blobs = new Map(
    manifests.flatMap(({ config, layers }) => [config, ...layers].map((each) => [each.digest, each])),
  );
  await copyBlobs(repository, target.repository, [...blobs.values()], options);
  for (const { fetched } of children) await target.repository.putManifest(fetched, undefined, options.signal);
  await target.repository.putManifest(top, target.tag, options.signal);
  return top.digest;
}

/** Writes an image that was packed here. Answers its digest. */
export async function pushImage(image: PackedImage, target: CopyTarget, options: CopyOptions): Promise<Digest> {
  const bytes = new Map(image.blobs.map((blob) => [blob.digest, blob.bytes]));
  const packed: Pick<ReadableRepository, "blob" | "place"> = {
    place: "this process",
    async *blob({ digest }) {
      yield bytes.get(digest) ?? new Uint8Array();
    },
  };
  await copyBlobs(packed, target.repository, image.blobs, options);
  await target.repository.putManifest(image.manifest, target.tag, options.signal);
  return image.manifest.digest;
}

interface Child {
  readonly fetched: FetchedManifest;
  readonly manifest: Manifest;
}

async function fetchChildren(
  repository: ReadableRepository,
  descriptors: readonly BlobId[],
  name: string,
  { limits, signal }: CopyOptions,
): Promise<readonly Child[]> {
  const children: Child[] = [];
  for (const { digest } of descriptors) {
    const fetched = await repository.manifest(digest, signal);
    if (fetched.digest !== digest) {
      throw new RegistryError("BAD_DIGEST", `A manifest of ${name} has digest ${fetched.digest} instead of ${digest}`);
    }
    const manifest = parseManifest(fetched.bytes, fetched.mediaType, name, limits);
    if (manifest.kind === "index") {
      throw new RegistryError("BAD_MANIFEST", `The index ${name} leads to another index; only one level is copied`);
    }
    children.push({ fetched, manifest });
  }
  return children;
}

async function copyBlobs(
  source: Pick<ReadableRepository, "blob" | "place">,
  target: WritableRepository,
  blobs: readonly BlobId[],
  options: CopyOptions,
): Promise<void> {
  const { limits, onProgress = () => {}, signal } = options;
  const tooLarge = blobs.find(({ size }) => size > limits.maxLayerBytes);
  if (tooLarge) {
    throw new RegistryError(
      "TOO_LARGE",
      `A layer in ${source.place} has ${formatBytes(tooLarge.size)}; at most ${formatBytes(limits.maxLayerBytes)} are copied`,
    );
  }
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  const done = new Map<Digest, number>();
  const tell = (digest: Digest, bytes: number) => {
    done.set(digest, bytes);
    onProgress(
      [...done.values()].reduce((sum, each) => sum + each, 0),
      total,
    );
  };
  const waiting = [...blobs];
  const copyNext = async (): Promise<void> => {
    for (let blob = waiting.shift(); blob; blob = waiting.shift()) {
      const { digest, size } = blob;
      const one = blob;
      const content = () => verified(source.blob(one, signal), one, source.place, (bytes) => tell(digest, bytes));
      if (!(await target.hasBlob(blob, signal))) await target.putBlob(blob, content, signal);
      tell(digest, size);
    }
  };
  const failed = (await Promise.allSettled(Array.from({ length: limits.maxParallelTransfers }, copyNext))).find(
    (result) => result.status === "rejected",
  );
  if (failed) throw failed.reason;
}

/**
 * Content that fails at its end, before anybody can take it for whole, when it is not what its digest says.
 * @yields the content
 */
async function* verified(
  content: AsyncIterable<Uint8Array>,
  { digest, size }: BlobId,
  place: string,
  tell: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let bytes = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of content) {
    bytes += chunk.length;
    hash.update(chunk);
    if (last) yield last;
    last = chunk;
    tell(Math.min(bytes, size));
  }
  const found = hash.digest("hex");
  if (bytes !== size)
    throw new RegistryError("BAD_SIZE", `The blob ${digest} in ${place} has ${bytes} bytes, not ${size}`);
  if (`sha256:${found}` !== digest) {
    throw new RegistryError("BAD_DIGEST", `The blob ${digest} in ${place} has digest sha256:${found}`);
  }
  if (last) yield last;
}
