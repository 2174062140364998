import path from "node:path";
import { RegistryError } from "../errors.ts";
import { isWasmPlatform } from "./choose-platform.ts";
import { type Descriptor, formatPlatform } from "./descriptor.ts";
import type { ImageConfig } from "./image-config.ts";
import {
  IMAGE_CONFIG_TYPES,
  SPIN_APPLICATION,
  TAR_LAYER_TYPES,
  WASM_CONFIG_V0,
  WASM_LAYER_TYPES,
} from "./media-types.ts";
import type { Manifest } from "./parse-manifest.ts";

/** Where an image keeps its module: a layer that is the module, or a file in tar layers (topmost last). */
export type ModuleLocation =
  | { readonly kind: "layer"; readonly layer: Descriptor }
  | {
      readonly kind: "file";
      readonly layers: readonly Descriptor[];
      /** Absolute path in the image; absent: the only `.wasm` file there is. */
      readonly path?: string;
    };

/** The file that Istio's and solo.io's "compat" images hold their module in (format D). */
const COMPAT_MODULE = "/plugin.wasm";
const VARIANT_ANNOTATION = "module.wasm.image/variant";

/**
 * Decides where the module of an image is: by its config's media type, its layers' media types and its platform, in this order.
 * `config` is read for ordinary image configs only. Throws RegistryError NOT_WASM that says what was found.
 */
export function locateModule(manifest: Manifest, config: ImageConfig | undefined, name: string): ModuleLocation {
  const modules = manifest.layers.filter(({ mediaType }) => WASM_LAYER_TYPES.has(mediaType));
  if (manifest.config.mediaType === WASM_CONFIG_V0 && manifest.layers.length !== 1) {
    throw notWasm(name, `is a Wasm artifact of ${manifest.layers.length} layers; the format allows exactly one`);
  }
  const [module] = modules;
  if (module && modules.length === 1) return { kind: "layer", layer: module };
  if (modules.length > 1) throw severalModules(manifest, modules.length, name);
  return locateFile(manifest, config, name);
}

function locateFile(manifest: Manifest, config: ImageConfig | undefined, name: string): ModuleLocation {
  const layers = manifest.layers.filter(({ mediaType }) => TAR_LAYER_TYPES.has(mediaType));
  if (layers.length === 0) {
    throw notWasm(name, `holds no WebAssembly: ${describeLayers(manifest)}`);
  }
  const program = entrypoint(config);
  if (program !== undefined) return { kind: "file", layers, path: program };
  if (manifest.annotations[VARIANT_ANNOTATION] === "compat") return { kind: "file", layers, path: COMPAT_MODULE };
  if (config && IMAGE_CONFIG_TYPES.has(manifest.config.mediaType) && !isWasmPlatform(config)) {
    return compatOrRefuse(manifest, layers, config, name);
  }
  return { kind: "file", layers };
}

/**
 * Compat images need not say that they are Wasm: built `FROM scratch` on Linux, they carry its platform. They have no entry point
 * and a single layer, which no Linux program can be run from.
 */
function compatOrRefuse(manifest: Manifest, layers: readonly Descriptor[], config: ImageConfig, name: string) {
  const isProgram = config.entrypoint.length > 0 || config.cmd.length > 0;
  if (!isProgram && layers.length <= 2) return { kind: "file", layers, path: COMPAT_MODULE } as const;
  const platform = formatPlatform({ os: config.os ?? "unknown", architecture: config.architecture ?? "unknown" });
  throw notWasm(name, `is a container image for ${platform} (${describeLayers(manifest)})`);
}

/** The module that entry point and command name: the first word ending in .wasm, or the program of an image for a Wasm platform. */
function entrypoint(config: ImageConfig | undefined): string | undefined {
  if (!config) return undefined;
  const words = [...config.entrypoint, ...config.cmd];
  const program = words.find((word) => word.endsWith(".wasm")) ?? (isWasmPlatform(config) ? words[0] : undefined);
  return program && path.posix.resolve("/", config.workingDir ?? "/", program);
}

function severalModules({ layers }: Manifest, count: number, name: string): RegistryError {
  return layers.some(({ mediaType }) => mediaType === SPIN_APPLICATION)
    ? notWasm(name, `is a Spin application of ${count} components; push each component as an image of its own`)
    : notWasm(name, `holds ${count} modules and does not say which to run; push each as an image of its own`);
}

function describeLayers({ layers, config }: Manifest): string {
  const types = [...new Set(layers.map(({ mediaType }) => mediaType))].slice(0, 5);
  return types.length === 0 ? `no layers, config ${config.mediaType}` : `layers are ${types.join(", ")}`;
}

/** The error for an image that holds nothing to run, with the way out. */
export function notWasm(name: string, found: string): RegistryError {
  return new RegistryError(
    "NOT_WASM",
    `The image ${name} ${found}. What runs here is a WebAssembly module; push one with: wasipool image push FILE.wasm REFERENCE`,
  );
}
