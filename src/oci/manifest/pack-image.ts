import { detectKind } from "../../wasm/index.ts";
import { RegistryError } from "../errors.ts";
import { describeBeginning } from "../module/sniff.ts";
import { type Digest, digestOf } from "../reference/digest.ts";
import type { FetchedManifest } from "../repository.ts";
import { MANIFEST_TYPES, WASM_CONFIG_V0, WASM_CONFIG_V1, WASM_CONTENT_LAYER, WASM_LAYER } from "./media-types.ts";

/** How a module is written as an image: the CNCF Wasm artifact, or what wasm-to-oci and Krustlet's nodes know. */
export const PUSH_FORMATS = ["cncf", "wasm-to-oci"] as const;
export type PushFormat = (typeof PUSH_FORMATS)[number];

/** An image ready to be written somewhere. */
export interface PackedImage {
  readonly manifest: FetchedManifest;
  /** Config and module. */
  readonly blobs: readonly PackedBlob[];
}

export interface PackedBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly bytes: Uint8Array;
}

export interface PackOptions {
  /** @default "cncf" */
  readonly format?: PushFormat;
  /** File name, kept as the layer's title for people. */
  readonly title?: string;
}

const TITLE = "org.opencontainers.image.title";

/**
 * Makes an image of a module. The same module and options always give the same digest: no time stands in it.
 * Throws RegistryError NOT_WASM for anything else, UNSUPPORTED_MEDIA_TYPE for a component.
 */
export function packImage(module: Uint8Array, { format = "cncf", title }: PackOptions = {}): PackedImage {
  checkIsModule(module);
  const layer = packedBlob(module);
  const config = packedBlob(Buffer.from(JSON.stringify(configOf(format, layer.digest))));
  const isOld = format === "wasm-to-oci";
  const manifest = {
    schemaVersion: 2,
    // wasm-to-oci names none, and Krustlet refuses one that it does not expect.
    ...(isOld ? {} : { mediaType: MANIFEST_TYPES.ociManifest }),
    config: descriptor(isOld ? WASM_CONFIG_V1 : WASM_CONFIG_V0, config),
    layers: [
      {
        ...descriptor(isOld ? WASM_CONTENT_LAYER : WASM_LAYER, layer),
        ...(title === undefined ? {} : { annotations: { [TITLE]: title } }),
      },
    ],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return {
    manifest: { bytes, digest: digestOf(bytes), mediaType: MANIFEST_TYPES.ociManifest },
    blobs: [config, layer],
  };
}

function configOf(format: PushFormat, layer: Digest): object {
  switch (format) {
    case "cncf":
      return { architecture: "wasm", os: "wasip1", layerDigests: [layer] };
    case "wasm-to-oci":
      return {};
  }
}

function descriptor(mediaType: string, { digest, size }: PackedBlob) {
  return { mediaType, digest, size };
}

function packedBlob(bytes: Uint8Array): PackedBlob {
  return { digest: digestOf(bytes), size: bytes.length, bytes };
}

function checkIsModule(module: Uint8Array): void {
  const kind = detectKind(module);
  if (kind === "module") return;
  if (kind === "not-wasm") {
    throw new RegistryError(
      "NOT_WASM",
      `The file is no WebAssembly module: it ${describeBeginning(module.subarray(0, 8))}`,
    );
  }
  throw new RegistryError(
    "UNSUPPORTED_MEDIA_TYPE",
    "The file is a component; its image must list its imports and exports, which is not supported yet. Push it with wkg",
  );
}
