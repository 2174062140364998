import type { Clock } from "../../base/index.ts";
import { type AuthConfig, CriError, type Image, type ImageService } from "../../cri/index.ts";
import { LAYOUT_VERSION, type StateLayout } from "../../wasm/index.ts";
import type { RuntimeEvent } from "../observe.ts";
import type { ImageSource, StoredImage } from "./image-source.ts";
import type { Inspection } from "./inspect.ts";
import { PrepareThread } from "./prepare-thread.ts";
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

export interface RunnableImage {
  /** Digest of the image's manifest. */
  readonly imageRef: string;
  readonly module: PreparedModule;
}

export interface RuntimeImagesOptions {
  readonly source: ImageSource;
  readonly clock: Clock;
  readonly onEvent: (event: RuntimeEvent) => void;
}

const PREPARED_VERSION = `${LAYOUT_VERSION}.${PREPARED_FORMAT}`;
/** Between two progress events of a pull: people cannot read faster. */
const PROGRESS_EVERY_MS = 50;

/** CRI's ImageService over an image source, and the modules prepared from its images. */
export class RuntimeImages implements ImageService, AsyncDisposable {
  readonly #options: RuntimeImagesOptions;
  readonly #thread: PrepareThread;
  /** Preparing under way, by digest of the module. */
  readonly #preparing = new Map<string, Promise<PreparedFiles>>();

  constructor(options: RuntimeImagesOptions) {
    this.#options = options;
    this.#thread = new PrepareThread(options.clock);
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
    await this.#prepare(image, stored);
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
    const stored = await this.#options.source.find(image);
    if (!stored) throw new CriError("NOT_FOUND", `Image ${image} is not in the store; pull it first`);
    const { inspection, module } = await this.#prepare(image, stored);
    if (!module)
      throw new CriError("FAILED_PRECONDITION", `Image ${image} cannot run here: ${inspection.problems.join("; ")}`);
    return { imageRef: stored.digest, module: { ...module, digest: stored.moduleDigest, inspection } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  #prepare(image: string, stored: StoredImage): Promise<PreparedFiles> {
    const key = stored.moduleDigest;
    const preparing =
      this.#preparing.get(key) ?? this.#prepareOnce(image, stored).finally(() => this.#preparing.delete(key));
    this.#preparing.set(key, preparing);
    return preparing;
  }

  async #prepareOnce(image: string, { moduleDigest, modulePath }: StoredImage): Promise<PreparedFiles> {
    const { source, clock, onEvent } = this.#options;
    const folder = source.preparedFolder(moduleDigest, PREPARED_VERSION);
    const started = clock.monotonic();
    const tell = (fromCache: boolean) =>
      onEvent({ kind: "prepared", image, durationMs: clock.monotonic() - started, fromCache });
    const cached = await readPrepared(folder);
    if (cached) {
      tell(true);
      return cached;
    }
    onEvent({ kind: "preparing", image });
    const made = await this.#makeReady(image, modulePath, folder);
    tell(false);
    return made;
  }

  async #makeReady(image: string, modulePath: string, folder: string): Promise<PreparedFiles> {
    try {
      await this.#thread.prepare(modulePath, folder);
    } catch (cause) {
      throw new CriError("INTERNAL", `Cannot prepare the module of image ${image}: ${(cause as Error).message}`, {
        cause,
      });
    }
    const made = await readPrepared(folder);
    if (!made) throw new CriError("INTERNAL", `The prepared module of image ${image} is gone from ${folder}`);
    return made;
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
