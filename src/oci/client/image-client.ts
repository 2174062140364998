import type { Clock, Logger } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import { LayoutRepository, mirrorNaming } from "../layout/layout-repository.ts";
import { DEFAULT_LIMITS, type ImageLimits } from "../limits.ts";
import { formatReference, type Reference } from "../reference/reference.ts";
import type { ReadableRepository } from "../repository.ts";
import type { ImageStore, StoredImage } from "../store/image-store.ts";
import { BlobTransfers } from "./blob-transfers.ts";
import type { Mirror, Mirrors } from "./mirror.ts";
import { pullImage, type PullProgress } from "./pull-image.ts";

/** When to ask a registry: always, only for what the store lacks, or never. */
export type PullPolicy = "Always" | "IfNotPresent" | "Never";

export interface PullOptions {
  /** @default "IfNotPresent" */
  readonly policy?: PullPolicy;
  readonly onProgress?: PullProgress;
  readonly signal?: AbortSignal;
}

export interface ImageClientOptions {
  readonly store: ImageStore;
  /** @default none */
  readonly mirrors?: Mirrors;
  readonly clock: Clock;
  readonly log: Logger;
  /** @default DEFAULT_LIMITS */
  readonly limits?: Partial<ImageLimits>;
}

/** Kubernetes' rule where a manifest says nothing: `latest` is asked for every time, anything else once. */
export function defaultPullPolicy({ tag, digest }: Reference): PullPolicy {
  return tag === "latest" && !digest ? "Always" : "IfNotPresent";
}

/** Brings images into a store. */
export interface ImageClient {
  /**
   * Pulls an image, from a mirror of its registry if one has it. Throws RegistryError for what is wrong with the image or its
   * place, StoreError for the disk, and the signal's reason.
   */
  pull(reference: Reference, options?: PullOptions): Promise<StoredImage>;
}

export function createImageClient(options: ImageClientOptions): ImageClient {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const transfers = new BlobTransfers(limits.maxParallelTransfers);
  return { pull: (reference, pullOptions = {}) => pull({ ...options, limits, transfers }, reference, pullOptions) };
}

interface ClientParts extends ImageClientOptions {
  readonly limits: ImageLimits;
  readonly transfers: BlobTransfers;
}

async function pull(parts: ClientParts, reference: Reference, options: PullOptions): Promise<StoredImage> {
  const { store } = parts;
  const { policy = "IfNotPresent" } = options;
  const name = formatReference(reference);
  if (policy !== "Always") {
    const present = await store.find(name);
    if (present) return present;
  }
  if (policy === "Never") {
    throw new RegistryError("NOT_FOUND", `The image ${name} is not in the store, and its pull policy is Never`);
  }
  return pullFromAny(parts, reference, options);
}

async function pullFromAny(parts: ClientParts, reference: Reference, options: PullOptions): Promise<StoredImage> {
  const places = [...(parts.mirrors?.get(reference.registry) ?? [])];
  const failures: Error[] = [];
  for (const place of places) {
    try {
      return await pullFrom(parts, openMirror(place, reference, parts.limits), reference, options);
    } catch (error) {
      if (!(error instanceof RegistryError) || options.signal?.aborted) throw error;
      failures.push(error);
    }
  }
  const [only] = failures;
  if (only && failures.length === 1) throw only;
  throw new RegistryError("NOT_FOUND", `No place has ${formatReference(reference)}`);
}

async function pullFrom(
  { store, transfers, limits, clock }: ClientParts,
  repository: ReadableRepository,
  reference: Reference,
  { onProgress = () => {}, signal }: PullOptions,
): Promise<StoredImage> {
  await using lease = await store.lease();
  const now = () => clock.now();
  const context = { store, transfers, limits, lease, onProgress, now, ...(signal ? { signal } : {}) };
  return await store.record(await pullImage(repository, reference, context));
}

function openMirror(mirror: Mirror, reference: Reference, limits: ImageLimits): ReadableRepository {
  if (mirror.kind === "layout") return new LayoutRepository(mirror.folder, mirrorNaming(reference), limits);
  throw new RegistryError("UNAVAILABLE", `Mirrors that are registries are not supported yet: ${mirror.registry}`);
}
