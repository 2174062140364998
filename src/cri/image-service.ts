/** CRI v1 `ImageService`. */
export interface ImageService {
  listImages(): Promise<readonly Image[]>;
  /** Undefined when the image is not in the store. */
  imageStatus(image: string): Promise<Image | undefined>;
  /** Pulls and prepares an image; answers its reference by digest. Pulls of one digest at a time are one pull. */
  pullImage(image: string, auth?: AuthConfig, signal?: AbortSignal): Promise<string>;
  removeImage(image: string): Promise<void>;
  imageFsInfo(): Promise<FilesystemUsage>;
}

export interface Image {
  /** `sha256:…` of the manifest. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  /** Bytes in the store, prepared bytes included. */
  readonly size: bigint;
  readonly pinned: boolean;
}

export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

export interface FilesystemUsage {
  readonly timestamp: bigint;
  readonly mountpoint: string;
  readonly usedBytes: bigint;
  readonly inodesUsed: bigint;
}
