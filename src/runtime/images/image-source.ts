import type { AuthConfig, FilesystemUsage } from "../../cri/index.ts";

/** An image in the store, as far as a runtime needs to know it. */
export interface StoredImage {
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** Digest of the module in the image, and the file that holds it. */
  readonly moduleDigest: string;
  readonly modulePath: string;
}

export interface PullImageOptions {
  readonly auth?: AuthConfig;
  readonly signal?: AbortSignal;
  readonly onProgress: (receivedBytes: number, totalBytes: number) => void;
}

/** Where images come from and lie: registries and the store on disk. Its errors are CriErrors. */
export interface ImageSource {
  list(): Promise<readonly StoredImage[]>;
  /** By reference or by digest; undefined when it is not in the store. */
  find(image: string): Promise<StoredImage | undefined>;
  pull(image: string, options: PullImageOptions): Promise<StoredImage>;
  /** Takes the image's names away; deletes it once no lease keeps it. An unknown image is no error. */
  remove(image: string): Promise<void>;
  /** Keeps an image and what was prepared from it on disk until the lease is disposed of. */
  lease(image: StoredImage): Promise<AsyncDisposable>;
  usage(): Promise<FilesystemUsage>;
  /** Folder for what was prepared from a module; it belongs to the store, so that garbage collection counts it. */
  preparedFolder(moduleDigest: string, version: string): string;
}
