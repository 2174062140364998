import type { Clock, Logger } from "../../base/index.ts";
import {
  type Credential,
  credentialOf,
  type CredentialSource,
  noCredentials,
  type RegistryAuth,
} from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import { LayoutRepository, mirrorNaming } from "../layout/layout-repository.ts";
import { DEFAULT_LIMITS, type ImageLimits } from "../limits.ts";
import { type Endpoint, endpointOf } from "../registry/endpoint.ts";
import { HttpClient, type ProxySettings } from "../registry/http.ts";
import { RegistryRepository } from "../registry/registry-repository.ts";
import type { RegistryContext } from "../registry/registry-session.ts";
import { TokenCache } from "../registry/tokens.ts";
import { formatReference, type Reference, referenceKey, repositoryName } from "../reference/reference.ts";
import type { CopySource, ReadableRepository } from "../repository.ts";
import type { ImageStore, StoredImage } from "../store/image-store.ts";
import { BlobTransfers } from "./blob-transfers.ts";
import type { Mirror, Mirrors } from "./mirror.ts";
import { pullImage, type PullProgress } from "./pull-image.ts";

/** When to ask a registry: always, only for what the store lacks, or never. */
export type PullPolicy = "Always" | "IfNotPresent" | "Never";

export interface PullOptions {
  /** @default "IfNotPresent" */
  readonly policy?: PullPolicy;
  /** For the registry of the reference, before any other credentials. Never shown to a mirror. */
  readonly auth?: RegistryAuth;
  readonly onProgress?: PullProgress;
  readonly signal?: AbortSignal;
}

export interface ImageClientOptions {
  readonly store: ImageStore;
  /** Asked before the registries they stand for. @default none */
  readonly mirrors?: Mirrors;
  /** Registries (`host[:port]`) that need not speak https, nor show a certificate that can be verified. @default none */
  readonly insecureRegistries?: ReadonlySet<string>;
  /** @default none */
  readonly credentials?: CredentialSource;
  /** @default none */
  readonly proxy?: ProxySettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** @default DEFAULT_LIMITS */
  readonly limits?: Partial<ImageLimits>;
  /** Uniform in [0, 1); spreads retries. @default Math.random */
  readonly random?: () => number;
}

export function createImageClient(options: ImageClientOptions): ImageClient {
  return new ImageClient(options);
}

/** Brings images from registries into a store. Dispose of it to close its connections. */
export class ImageClient implements AsyncDisposable {
  readonly #options: ImageClientOptions;
  readonly limits: ImageLimits;
  readonly #transfers: BlobTransfers;
  readonly #context: RegistryContext & { readonly http: HttpClient };

  constructor(options: ImageClientOptions) {
    this.#options = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#transfers = new BlobTransfers(this.limits.maxParallelTransfers);
    this.#context = {
      http: new HttpClient(this.limits, options.proxy),
      tokens: new TokenCache(options.clock),
      clock: options.clock,
      limits: this.limits,
      random: options.random ?? Math.random,
    };
  }

  /**
   * Pulls an image, from a mirror of its registry if one has it. An image that is in the store and unchanged costs one question
   * (`Always`) or none. Throws RegistryError for what is wrong with the image or its place, StoreError for the disk, and the
   * signal's reason.
   */
  async pull(reference: Reference, options: PullOptions = {}): Promise<StoredImage> {
    const { policy = "IfNotPresent", signal } = options;
    signal?.throwIfAborted();
    const name = formatReference(reference);
    const present = await this.#options.store.find(referenceKey(reference));
    if (present && policy !== "Always") return present;
    if (policy === "Never") {
      throw new RegistryError("NOT_FOUND", `The image ${name} is not in the store, and its pull policy is Never`);
    }
    return this.#pullFromAny(reference, present, options);
  }

  /** Brings an image from a place that the caller chose into the store, under the name of `reference`. */
  load(source: CopySource, reference: Reference, options: PullOptions = {}): Promise<StoredImage> {
    return this.#store(source, reference, options);
  }

  /** A repository of a registry, for copying from or, with `canPush`, to. `mountFrom`: another repository there to take blobs over from. */
  repository(
    reference: Pick<Reference, "registry" | "repository">,
    { canPush = false, mountFrom, auth }: { canPush?: boolean; mountFrom?: string; auth?: RegistryAuth } = {},
  ): RegistryRepository {
    const endpoint = endpointOf(reference.registry, this.#options.insecureRegistries ?? new Set());
    const actions = canPush ? "pull,push" : "pull";
    const credentials = this.#credentials(auth);
    const { repository } = reference;
    return new RegistryRepository(this.#context, { endpoint, repository, credentials, actions }, mountFrom);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.http[Symbol.asyncDispose]();
  }

  async #pullFromAny(
    reference: Reference,
    present: StoredImage | undefined,
    options: PullOptions,
  ): Promise<StoredImage> {
    const { log, mirrors } = this.#options;
    const failures: RegistryError[] = [];
    for (const mirror of mirrors?.get(reference.registry) ?? []) {
      try {
        return await this.#pullFrom(this.#mirror(mirror, reference), reference, present, options);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        log.debug("mirror failed", { image: formatReference(reference), code: error.code, error: error.message });
        failures.push(error);
      }
    }
    try {
      const { auth } = options;
      return await this.#pullFrom(this.repository(reference, auth ? { auth } : {}), reference, present, options);
    } catch (error) {
      throw failures.length > 0 ? withMirrors(error, failures) : error;
    }
  }

  async #pullFrom(
    repository: ReadableRepository,
    reference: Reference,
    present: StoredImage | undefined,
    options: PullOptions,
  ): Promise<StoredImage> {
    if (present && !reference.digest && (await isCurrent(repository, reference, present, options.signal)))
      return present;
    const tagOrDigest = reference.digest ?? reference.tag ?? "latest";
    return this.#store({ repository, tagOrDigest }, reference, options);
  }

  async #store(
    source: CopySource,
    reference: Reference,
    { onProgress = () => {}, signal }: PullOptions,
  ): Promise<StoredImage> {
    const { store, clock } = this.#options;
    await using lease = await store.lease();
    const now = () => clock.now();
    const parts = { store, transfers: this.#transfers, limits: this.limits, lease, onProgress, now };
    return await store.record(await pullImage(source, reference, { ...parts, ...(signal ? { signal } : {}) }));
  }

  #mirror(mirror: Mirror, reference: Reference): ReadableRepository {
    if (mirror.kind === "layout") return new LayoutRepository(mirror.folder, mirrorNaming(reference), this.limits);
    const { registry, prefix, isPlainHttp } = mirror;
    const known = endpointOf(registry, this.#options.insecureRegistries ?? new Set());
    const endpoint: Endpoint = isPlainHttp ? { ...known, transport: "plain" } : known;
    const repository = prefix === "" ? reference.repository : `${prefix}/${reference.repository}`;
    const credentials = this.#credentials();
    return new RegistryRepository(this.#context, { endpoint, repository, credentials, actions: "pull" });
  }

  #credentials(auth?: RegistryAuth): CredentialSource {
    const configured = this.#options.credentials ?? noCredentials;
    const given = auth && readAuth(auth);
    return given ? { find: () => Promise.resolve(given) } : configured;
  }
}

function readAuth(auth: RegistryAuth): Credential | undefined {
  try {
    return credentialOf(auth);
  } catch (error) {
    throw new RegistryError("BAD_CREDENTIALS", `The pull secret cannot be used: ${(error as Error).message}`);
  }
}

/** Whether the tag still points to the stored image; one small question where the registry can answer it. */
async function isCurrent(
  repository: ReadableRepository,
  reference: Reference,
  present: StoredImage,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const digest = await repository.digestOfTag(reference.tag ?? "latest", signal);
  return digest !== undefined && present.digests.includes(`${repositoryName(reference)}@${digest}`);
}

/** What the registry said, after what its mirrors said. */
function withMirrors(error: unknown, failures: readonly RegistryError[]): unknown {
  if (!(error instanceof RegistryError)) return error;
  const tried = failures.map(({ message }) => message).join("; ");
  return new RegistryError(error.code, `${error.message}; its mirrors failed before: ${tried}`, { cause: error });
}
