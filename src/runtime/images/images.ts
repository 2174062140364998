import type { Clock } from "../../base/index.ts";
import { type AuthConfig, CriError, type Image, type ImageService } from "../../cri/index.ts";
import { LAYOUT_VERSION, type StateLayout } from "../../wasm/index.ts";
import type { RuntimeEvent } from "../observe.ts";
import type { ImageSource, StoredImage } from "./image-source.ts";
import type { Inspection } from "./inspect.ts";
import { type PrepareLimits, PrepareThread } from "./prepare-thread.ts";
import { PREPARED_FORMAT, type PreparedFiles, readPrepared } from "./prepared-files.ts";

/** A module the shim can load. */
export interface PreparedModule {
  /** Of the module as it was published. */
  readonly digest: string;
  readonly layout: StateLayout;
  readonly inspection: Inspection;
  /** Opens the prepared bytes; the caller closes the file. */
  open(): Promise<AsyncDisposable & { readonly fd: number }>;
}

/** An image that is kept on disk, with what was prepared from it, until it is disposed of. */
export interface RunnableImage extends AsyncDisposable {
  /** Digest of the image's manifest. */
  readonly imageRef: string;
  readonly module: PreparedModule;
}

export interface RuntimeImagesOptions {
  readonly source: ImageSource;
  readonly clock: Clock;
  readonly limits: PrepareLimits;
  readonly onEvent: (event: RuntimeEvent) => void;
}

const PREPARED_VERSION = `${LAYOUT_VERSION}.${PREPARED_FORMAT}`;
/** Between two progress events of a pull: people cannot read faster. */
const PROGRESS_EVERY_MS = 50;

/** CRI's ImageService over an image source, and the modules prepared from its images. */
export class RuntimeImages implements ImageService, AsyncDisposable {
  readonly #options: RuntimeImagesOptions;
  readonly #thread: PrepareThread;
  /** Preparing under way, by folder. */
  readonly #preparing = new Map<string, Promise<void>>();

  constructor(options: RuntimeImagesOptions) {
    this.#options = options;
    this.#thread = new PrepareThread(options.clock, options.limits);
  }

  async listImages(): Promise<readonly Image[]> {
    return (await this.#options.source.list()).map((image) => imageView(image));
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    const found = await this.#options.source.find(image);
    return found && imageView(found);
  }

  async pullImage(image: string, auth?: AuthConfig, signal?: AbortSignal): Promise<string> {
    const { source, clock, onEvent } = this.#options;
    const started = clock.monotonic();
    const stored = await source.pull(image, {
      ...(auth ? { auth } : {}),
      ...(signal ? { signal } : {}),
      onProgress: this.#progressOf(image),
    });
    onEvent({ kind: "pulled", image, bytes: stored.sizeBytes, durationMs: clock.monotonic() - started });
    await using _ = await source.lease(stored);
    await this.#prepare(image, stored, signal);
    return stored.digest;
  }

  removeImage(image: string): Promise<void> {
    return this.#options.source.remove(image);
  }

  imageFsInfo() {
    return this.#options.source.usage();
  }

  /** The image's module, prepared. Throws CriError NOT_FOUND without the image, FAILED_PRECONDITION when it cannot run here. */
  async runnable(image: string): Promise<RunnableImage> {
    const { source } = this.#options;
    const stored = await source.find(image);
    if (!stored) throw new CriError("NOT_FOUND", `Image ${image} is not in the store; pull it first`);
    await using kept = new AsyncDisposableStack();
    kept.use(await source.lease(stored));
    const { inspection, module } = await this.#prepare(image, stored);
    if (!module)
      throw new CriError("FAILED_PRECONDITION", `Image ${image} cannot run here: ${inspection.problems.join("; ")}`);
    const lease = kept.move();
    return {
      imageRef: stored.digest,
      module: { ...module, digest: stored.moduleDigest, inspection },
      [Symbol.asyncDispose]: () => lease.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  /** From the cache, or made anew; by whom ever it is made, each image is told of. */
  async #prepare(image: string, stored: StoredImage, signal?: AbortSignal): Promise<PreparedFiles> {
    const { source, clock, onEvent } = this.#options;
    const folder = source.preparedFolder(stored.moduleDigest, PREPARED_VERSION);
    const started = clock.monotonic();
    const tell = (fromCache: boolean) =>
      onEvent({ kind: "prepared", image, durationMs: clock.monotonic() - started, fromCache });
    const cached = await readPrepared(folder);
    if (cached) {
      tell(true);
      return cached;
    }
    onEvent({ kind: "preparing", image });
    const made = await this.#makeReady(image, stored.modulePath, folder, signal);
    tell(false);
    return made;
  }

  async #makeReady(image: string, modulePath: string, folder: string, signal?: AbortSignal): Promise<PreparedFiles> {
    try {
      await beforeAbort(this.#makeOnce(modulePath, folder), signal);
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new CriError("INTERNAL", `Cannot prepare the module of image ${image}: ${(cause as Error).message}`, {
        cause,
      });
    }
    const made = await readPrepared(folder);
    if (!made) throw new CriError("INTERNAL", `The prepared module of image ${image} is gone from ${folder}`);
    return made;
  }

  /** Goes on when a caller aborts: others may wait for it, and what is prepared stays. */
  #makeOnce(modulePath: string, folder: string): Promise<void> {
    const making =
      this.#preparing.get(folder) ??
      this.#thread.prepare(modulePath, folder).finally(() => this.#preparing.delete(folder));
    this.#preparing.set(folder, making);
    return making;
  }

  #progressOf(image: string): (receivedBytes: number, totalBytes: number) => void {
    const { clock, onEvent } = this.#options;
    let last = Number.NEGATIVE_INFINITY;
    return (receivedBytes, totalBytes) => {
      const now = clock.monotonic();
      if (receivedBytes < totalBytes && now - last < PROGRESS_EVERY_MS) return;
      last = now;
      onEvent({ kind: "pull-progress", image, receivedBytes, totalBytes });
    };
  }
}

function imageView({ digest, repoTags, repoDigests, sizeBytes }: StoredImage): Image {
  return { id: digest, repoTags, repoDigests, size: BigInt(sizeBytes), pinned: false };
}

/** Rejects with the signal's reason once it is aborted, if `promise` has not settled before. */
async function beforeAbort<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (!signal) return promise;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
