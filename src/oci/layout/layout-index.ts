import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { formatBytes } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import { type Descriptor, descriptorSchema } from "../manifest/descriptor.ts";

/** Annotation that names an image in a layout, image-spec 1.1 "annotations". */
export const REF_NAME = "org.opencontainers.image.ref.name";
/** containerd's annotation for the full reference. */
const CONTAINERD_NAME = "io.containerd.image.name";

export const LAYOUT_VERSION_FILE = "oci-layout";
export const LAYOUT_INDEX_FILE = "index.json";

const schema = z.object({ schemaVersion: z.literal(2), manifests: z.array(descriptorSchema) });

/** Reads the manifests that an OCI image layout (image-spec 1.1 "image-layout") names. Throws RegistryError that says what is wrong with it. */
export async function readLayoutIndex(folder: string, limits: ImageLimits): Promise<readonly Descriptor[]> {
  await readLayoutFile(folder, LAYOUT_VERSION_FILE, limits.maxManifestBytes);
  const bytes = await readLayoutFile(folder, LAYOUT_INDEX_FILE, limits.maxManifestBytes);
  try {
    return schema.parse(JSON.parse(bytes.toString("utf8"))).manifests;
  } catch (cause) {
    throw new RegistryError("BAD_MANIFEST", `The index.json of OCI layout ${folder} is malformed`, { cause });
  }
}

/** Names of an image in a layout: what its annotations say. */
export function layoutNames({ annotations }: Descriptor): readonly string[] {
  return [annotations?.[REF_NAME], annotations?.[CONTAINERD_NAME]].filter((name) => name !== undefined);
}

async function readLayoutFile(folder: string, name: string, maxBytes: number): Promise<Buffer> {
  const file = path.join(folder, name);
  try {
    const { size } = await stat(file);
    if (size <= maxBytes) return await readFile(file);
  } catch (cause) {
    throw new RegistryError(
      "NOT_FOUND",
      `Cannot read ${file}: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}; an OCI image layout is a folder with oci-layout, index.json and blobs/`,
      { cause },
    );
  }
  throw new RegistryError("TOO_LARGE", `${file} is larger than ${formatBytes(maxBytes)}`);
}
