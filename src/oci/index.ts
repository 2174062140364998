export { copyImage, type CopyOptions, type CopyTarget, pushImage } from "./client/copy-image.ts";
export {
  createImageClient,
  type ImageClient,
  type ImageClientOptions,
  type PullOptions,
  type PullPolicy,
} from "./client/image-client.ts";
export { type Mirror, type Mirrors, parseMirror } from "./client/mirror.ts";
export type { PullProgress } from "./client/pull-image.ts";
export { type Credential, type CredentialSource, noCredentials, type RegistryAuth } from "./credentials/credential.ts";
export { spawnedHelper } from "./credentials/credential-helper.ts";
export { type DockerConfig, dockerConfigCredentials, parseDockerConfig } from "./credentials/docker-config.ts";
export { RegistryError, type RegistryErrorCode, StoreError, type StoreErrorCode } from "./errors.ts";
export { exactNaming, LayoutRepository } from "./layout/layout-repository.ts";
export { LayoutWriter } from "./layout/layout-writer.ts";
export { DEFAULT_LIMITS, type ImageLimits } from "./limits.ts";
export { type PackedImage, packImage, PUSH_FORMATS, type PushFormat } from "./manifest/pack-image.ts";
export { type Digest, isDigest } from "./reference/digest.ts";
export { formatReference, parseReference, type Reference, referenceKey } from "./reference/reference.ts";
export type { ProxySettings } from "./registry/http.ts";
export type { CopySource, ReadableRepository, WritableRepository } from "./repository.ts";
export {
  createImageStore,
  type GarbageGoal,
  type GarbageReport,
  type ImageStore,
  type ImageStoreOptions,
  type Removal,
  type StoredImage,
  type StoreUsage,
} from "./store/image-store.ts";
export type { Lease } from "./store/leases.ts";
export { StoreRepository } from "./store/store-repository.ts";
