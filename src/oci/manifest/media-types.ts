/** Media types of manifests and indexes that are read. */
export const MANIFEST_TYPES = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

/** What a registry is asked for; one that has several forms chooses. */
export const ACCEPTED_MANIFESTS: readonly string[] = Object.values(MANIFEST_TYPES);

export function isIndexType(mediaType: string): boolean {
  return mediaType === MANIFEST_TYPES.ociIndex || mediaType === MANIFEST_TYPES.dockerList;
}

/** Config blobs of ordinary container images, which name architecture, operating system and entry point. */
export const IMAGE_CONFIG_TYPES: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

/** The CNCF artifact (format A), which allows exactly one layer. */
export const WASM_CONFIG_V0 = "application/vnd.wasm.config.v0+json";
/** wasm-to-oci, Krustlet, kubewarden (format E). */
export const WASM_CONFIG_V1 = "application/vnd.wasm.config.v1+json";

export const WASM_LAYER = "application/wasm";
export const WASM_CONTENT_LAYER = "application/vnd.wasm.content.layer.v1+wasm";

/** Layers that are a module or component as it is, not packed: formats A, B, D ("oci" variant), E, F and G. */
export const WASM_LAYER_TYPES: ReadonlySet<string> = new Set([
  WASM_LAYER,
  WASM_CONTENT_LAYER,
  "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
  "application/vnd.module.wasm.content.layer.v1+wasm",
  "application/vnd.w3c.wasm.component.v1+wasm",
  "application/vnd.w3c.wasm.module.v1+wasm",
  "application/vnd.wasm.component.v1+wasm",
]);

/** Tar layers, with how they are compressed: formats C and D. */
export const TAR_LAYER_TYPES: ReadonlyMap<string, "none" | "gzip" | "zstd"> = new Map([
  ["application/vnd.oci.image.layer.v1.tar", "none"],
  ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
]);

/** The locked application that ends a Spin app's layers (format F). */
export const SPIN_APPLICATION = "application/vnd.fermyon.spin.application.v1+config";
