import { z } from "zod";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import { type Descriptor, descriptorSchema } from "./descriptor.ts";
import { ACCEPTED_MANIFESTS, isIndexType, MANIFEST_TYPES } from "./media-types.ts";

/** An image manifest: a config and layers. */
export interface Manifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** An index (manifest list): manifests for several platforms. */
export interface Index {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

const base = { schemaVersion: z.literal(2), mediaType: z.string().max(255).optional() };
const annotations = z.record(z.string(), z.string()).nullish();

function schemas(maxDescriptors: number) {
  const descriptors = z.array(descriptorSchema).max(maxDescriptors);
  return {
    manifest: z.object({
      ...base,
      artifactType: z.string().max(255).optional(),
      config: descriptorSchema,
      layers: descriptors.nullish(),
      annotations,
    }),
    index: z.object({ ...base, manifests: descriptors }),
  };
}

/**
 * Reads a manifest or index. `contentType` is the registry's header; the body's own `mediaType`, if any, must agree with it, and a
 * body may not be both (CVE-2021-41190). Throws RegistryError BAD_MANIFEST or UNSUPPORTED_MEDIA_TYPE.
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
  name: string,
  { maxDescriptors }: Pick<ImageLimits, "maxDescriptors">,
): Manifest | Index {
  const body = parseJson(bytes, name);
  const mediaType = decideMediaType(body, contentType, name);
  const { manifest, index } = schemas(maxDescriptors);
  if (isIndexType(mediaType)) {
    const { manifests } = check(index, body, name);
    return { kind: "index", mediaType, manifests };
  }
  const parsed = check(manifest, body, name);
  return {
    kind: "manifest",
    mediaType,
    ...(parsed.artifactType === undefined ? {} : { artifactType: parsed.artifactType }),
    config: parsed.config,
    layers: parsed.layers ?? [],
    annotations: parsed.annotations ?? {},
  };
}

function parseJson(bytes: Uint8Array, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    throw new RegistryError("BAD_MANIFEST", `The manifest of ${name} is not JSON: ${(cause as Error).message}`, {
      cause,
    });
  }
  throw new RegistryError("BAD_MANIFEST", `The manifest of ${name} is not a JSON object`);
}

function decideMediaType(body: Record<string, unknown>, contentType: string | undefined, name: string): string {
  const declared = typeof body["mediaType"] === "string" ? body["mediaType"] : undefined;
  const isManifest = "config" in body || "layers" in body || "fsLayers" in body;
  const isIndex = "manifests" in body;
  if (isManifest && isIndex) {
    throw new RegistryError("BAD_MANIFEST", `The manifest of ${name} is a manifest and an index at once`);
  }
  const told = knownType(contentType);
  const mediaType = declared ?? told ?? (isIndex ? MANIFEST_TYPES.ociIndex : MANIFEST_TYPES.ociManifest);
  if (!ACCEPTED_MANIFESTS.includes(mediaType)) throw unsupported(mediaType, name);
  if (body["schemaVersion"] !== 2) throw unsupported(`schema version ${JSON.stringify(body["schemaVersion"])}`, name);
  if (told === undefined || told === mediaType) return mediaType;
  throw new RegistryError("BAD_MANIFEST", `The manifest of ${name} says it is ${mediaType}, its place says ${told}`);
}

/** A place that does not know a manifest's type names a general one; then the body decides. */
function knownType(contentType: string | undefined): string | undefined {
  const type = contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return ACCEPTED_MANIFESTS.includes(type) ? type : undefined;
}

function unsupported(what: string, name: string): RegistryError {
  const shown = what.slice(0, 100);
  return new RegistryError(
    "UNSUPPORTED_MEDIA_TYPE",
    `The manifest of ${name} is of an unsupported type: ${shown}; push it again as an OCI image manifest`,
  );
}

function check<Output>(schema: z.ZodType<Output>, body: unknown, name: string): Output {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join(".") ?? "";
  throw new RegistryError("BAD_MANIFEST", `The manifest of ${name} is malformed: ${where}: ${issue?.message ?? ""}`);
}
