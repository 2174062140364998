import { formatBytes } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import { chooseManifest } from "../manifest/choose-platform.ts";
import type { Descriptor } from "../manifest/descriptor.ts";
import { parseImageConfig } from "../manifest/image-config.ts";
import { locateModule, type ModuleLocation } from "../manifest/locate-module.ts";
import { IMAGE_CONFIG_TYPES } from "../manifest/media-types.ts";
import { type Manifest, parseManifest } from "../manifest/parse-manifest.ts";
import { findInLayers, readFromLayer, type TarLayers } from "../module/find-in-layers.ts";
import { sniffModule } from "../module/sniff.ts";
import { type Digest, isDigest } from "../reference/digest.ts";
import { formatReference, type Reference, repositoryName } from "../reference/reference.ts";
import type { CopySource, FetchedManifest, ReadableRepository } from "../repository.ts";
import type { BlobId } from "../store/blob-folder.ts";
import type { ImageRecord } from "../store/image-record.ts";
import type { ImageStore } from "../store/image-store.ts";
import type { Lease } from "../store/leases.ts";
import type { BlobTransfers } from "./blob-transfers.ts";

/** Tells how far a pull is, in bytes of layers; the total is known once the manifest is there. */
export type PullProgress = (receivedBytes: number, totalBytes: number) => void;

export interface PullContext {
  readonly store: ImageStore;
  readonly transfers: BlobTransfers;
  readonly limits: ImageLimits;
  /** Keeps what is pulled until the image is entered. */
  readonly lease: Lease;
  readonly onProgress: PullProgress;
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

/**
 * Brings one image into the store, checking every digest and size. Answers its record under the name of `reference`, not yet
 * entered.
 */
export async function pullImage(
  { repository, tagOrDigest }: CopySource,
  reference: Reference,
  context: PullContext,
): Promise<ImageRecord> {
  const name = formatReference(reference);
  const top = await fetchManifest(repository, tagOrDigest, name, context);
  checkDigest(top, reference.digest ?? top.digest, name, repository);
  const { fetched, manifest } = await selectManifest(repository, top, name, context);
  const blobs: BlobId[] = [];
  for (const each of new Set([top, fetched])) blobs.push(await keepBytes(each, context));
  const config = await fetchConfig(repository, manifest.config, name, context);
  if (config) blobs.push(manifest.config);
  const isImage = config !== undefined && IMAGE_CONFIG_TYPES.has(manifest.config.mediaType);
  const location = locateModule(manifest, isImage ? parseImageConfig(config) : undefined, name);
  const layers = location.kind === "layer" ? [location.layer] : location.layers;
  await fetchLayers(repository, layers, name, context);
  const module = await moduleOf(location, name, context);
  const kind = await sniffModule(context.store.blobs.pathOf(module.digest), name);
  return {
    digest: fetched.digest,
    mediaType: manifest.mediaType,
    moduleDigest: module.digest,
    kind,
    moduleBytes: module.size,
    blobs: [...blobs, ...layers, module].map(({ digest, size }) => ({ digest, size })),
    // What a tag beside a digest points to was not asked.
    tags: reference.digest || reference.tag === undefined ? [] : [`${repositoryName(reference)}:${reference.tag}`],
    digests: [...new Set([top.digest, fetched.digest])].map((digest) => `${repositoryName(reference)}@${digest}`),
    pulledAt: new Date(context.now()).toISOString(),
  };
}

interface Selected {
  readonly fetched: FetchedManifest;
  readonly manifest: Manifest;
}

/** Goes from an index to the manifest for WebAssembly; an index within an index is refused. */
async function selectManifest(
  repository: ReadableRepository,
  top: FetchedManifest,
  name: string,
  context: PullContext,
): Promise<Selected> {
  const parsed = parseManifest(top.bytes, top.mediaType, name, context.limits);
  if (parsed.kind === "manifest") return { fetched: top, manifest: parsed };
  const chosen = chooseManifest(parsed, name);
  const fetched = await fetchManifest(repository, chosen.digest, name, context);
  const manifest = parseManifest(fetched.bytes, fetched.mediaType ?? chosen.mediaType, name, context.limits);
  if (manifest.kind === "manifest") return { fetched, manifest };
  throw new RegistryError("BAD_MANIFEST", `The index of ${name} leads to another index; only one level is read`);
}

async function fetchManifest(
  repository: ReadableRepository,
  tagOrDigest: string,
  name: string,
  { signal }: PullContext,
): Promise<FetchedManifest> {
  const fetched = await repository.manifest(tagOrDigest, signal);
  if (isDigest(tagOrDigest)) checkDigest(fetched, tagOrDigest, name, repository);
  return fetched;
}

function checkDigest({ digest }: FetchedManifest, expected: Digest, name: string, { place }: ReadableRepository): void {
  if (digest === expected) return;
  throw new RegistryError(
    "BAD_DIGEST",
    `The manifest of ${name} from ${place} has digest ${digest} instead of ${expected}`,
  );
}

async function keepBytes({ bytes, digest }: FetchedManifest, { store, lease }: PullContext): Promise<BlobId> {
  const blob = { digest, size: bytes.length };
  await lease.add(digest);
  if (await store.blobs.has(blob)) return blob;
  return store.blobs.ingest(once(bytes), { name: `manifest ${digest}`, maxBytes: bytes.length, expected: blob, lease });
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The config blob; undefined for an empty one that a registry does not keep. Artifacts may put anything there. */
async function fetchConfig(
  repository: ReadableRepository,
  config: Descriptor,
  name: string,
  context: PullContext,
): Promise<Uint8Array | undefined> {
  const { maxConfigBytes } = context.limits;
  if (config.size > maxConfigBytes) {
    throw new RegistryError(
      "TOO_LARGE",
      `The config of ${name} has ${formatBytes(config.size)}; at most ${formatBytes(maxConfigBytes)} are read`,
    );
  }
  const isNeeded = IMAGE_CONFIG_TYPES.has(config.mediaType);
  try {
    await fetchBlob(repository, config, { ...context, name: `The config of ${name}`, tell: () => {} });
  } catch (error) {
    if (isNeeded || !(error instanceof RegistryError) || error.code !== "NOT_FOUND") throw error;
    return undefined;
  }
  return context.store.blobs.read(config.digest);
}

async function fetchLayers(
  repository: ReadableRepository,
  layers: readonly Descriptor[],
  name: string,
  context: PullContext,
): Promise<void> {
  const { maxLayerBytes } = context.limits;
  const tooLarge = layers.find(({ size }) => size > maxLayerBytes);
  if (tooLarge) {
    throw new RegistryError(
      "TOO_LARGE",
      `A layer of ${name} has ${formatBytes(tooLarge.size)}; at most ${formatBytes(maxLayerBytes)} are pulled`,
    );
  }
  const totalBytes = layers.reduce((sum, { size }) => sum + size, 0);
  const received = new Map<Digest, number>();
  const fetches = layers.map((layer) => {
    const tell = (bytes: number) => {
      received.set(layer.digest, bytes);
      context.onProgress(
        [...received.values()].reduce((sum, each) => sum + each, 0),
        totalBytes,
      );
    };
    return fetchBlob(repository, layer, { ...context, name: `A layer of ${name}`, tell });
  });
  await allOrFirstError(fetches);
}

/** Waits for all even when one fails, so that nothing is still being written when the lease ends. */
async function allOrFirstError(promises: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(promises)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

interface BlobContext extends PullContext {
  readonly name: string;
  readonly tell: (receivedBytes: number) => void;
}

async function fetchBlob(repository: ReadableRepository, blob: BlobId, context: BlobContext): Promise<void> {
  const { store, lease, transfers, tell, signal } = context;
  await lease.add(blob.digest);
  if (!(await store.blobs.has(blob))) {
    const name = `${context.name} from ${repository.place}`;
    const download = async (progress: (bytes: number) => void, abort: AbortSignal) => {
      const content = counted(repository.blob(blob, abort), progress);
      await store.blobs.ingest(content, { name, maxBytes: blob.size, expected: blob, lease });
    };
    await transfers.join(blob, download, tell, signal);
  }
  tell(blob.size);
}

async function* counted(content: AsyncIterable<Uint8Array>, tell: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    tell(bytes);
    yield chunk;
  }
}

/** The module's own blob: the layer, or the file unpacked from tar layers. */
async function moduleOf(location: ModuleLocation, name: string, context: PullContext): Promise<BlobId> {
  if (location.kind === "layer") return location.layer;
  const { store, limits, lease } = context;
  const open = ({ digest }: BlobId) => store.blobs.stream(digest);
  const image: TarLayers = { name, layers: location.layers, limits, open };
  const file = await findInLayers(image, location.path);
  const options = { name: `The file ${file.path} of ${name}`, maxBytes: limits.maxLayerBytes, lease };
  return readFromLayer(image, file, (content) => store.blobs.ingest(content, options));
}
