import { RegistryError } from "../errors.ts";
import { type Descriptor, formatPlatform, type Platform } from "./descriptor.ts";
import { MANIFEST_TYPES } from "./media-types.ts";
import type { Index } from "./parse-manifest.ts";

/** Operating systems of Wasm images, the ones that run here first; `wasi` was written before WASI had versions. */
const WASM_SYSTEMS = ["wasip1", "wasi", "wasip2", "wasip3"] as const;
const WASM_ARCHITECTURES: ReadonlySet<string> = new Set(["wasm", "wasm32"]);

/** Whether an image for this platform holds WebAssembly. */
export function isWasmPlatform({ os, architecture }: Partial<Platform>): boolean {
  return WASM_ARCHITECTURES.has(architecture?.toLowerCase() ?? "") || systemRank(os) < WASM_SYSTEMS.length;
}

/**
 * Picks the manifest of an index that holds WebAssembly: by platform, then by artifact type, then the only one there is if no
 * platform speaks against it. Throws RegistryError NOT_WASM with the platforms that were found.
 */
export function chooseManifest(index: Index, name: string): Descriptor {
  const candidates = index.manifests.filter(isManifest);
  const [best] = candidates
    .filter(({ platform }) => platform && isWasmPlatform(platform))
    .toSorted((a, b) => systemRank(a.platform?.os) - systemRank(b.platform?.os));
  const chosen = best ?? candidates.find(({ artifactType }) => artifactType?.includes("wasm"));
  if (chosen) return chosen;
  const [only] = candidates;
  if (only && candidates.length === 1 && !only.platform) return only;
  const platforms = index.manifests.flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
  const found = platforms.length > 0 ? `is for ${platforms.slice(0, 8).join(", ")}` : "names no platform";
  throw new RegistryError(
    "NOT_WASM",
    `The image ${name} ${found}; an image that runs here has a manifest for wasip1/wasm. ` +
      "Push a module with: wasipool image push FILE.wasm REFERENCE",
  );
}

function isManifest({ mediaType }: Descriptor): boolean {
  return mediaType === MANIFEST_TYPES.ociManifest || mediaType === MANIFEST_TYPES.dockerManifest;
}

function systemRank(os: string | undefined): number {
  const rank = (WASM_SYSTEMS as readonly string[]).indexOf(os?.toLowerCase() ?? "");
  return rank < 0 ? WASM_SYSTEMS.length : rank;
}
