import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { formatBytes } from "../../base/index.ts";
import { isDigest, parseReference, referenceKey, type StoredImage } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { badInput, Failure } from "../failure.ts";
import type { Images } from "../image/open-images.ts";
import { withProgress } from "../image/transfer.ts";

/** What there is to inspect: a file's bytes, or an image and the bytes of its module. */
export interface Subject {
  readonly name: string;
  readonly image?: StoredImage;
  readonly bytes: Uint8Array;
}

/** A path that exists is a file, whatever else it could be; other names are images. */
export async function findSubject(
  name: string,
  pulls: boolean,
  images: Images,
  context: CommandContext,
): Promise<Subject> {
  return (await readModuleFile(name, context.cwd, images)) ?? (await readImage(name, pulls, images, context));
}

async function readModuleFile(name: string, cwd: string, { client }: Images): Promise<Subject | undefined> {
  const file = path.resolve(cwd, name);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    if (name.endsWith(".wasm") || /^[./]/.test(name)) throw badInput(`Cannot read ${name}: there is no such file`);
    return undefined;
  }
  const { maxLayerBytes } = client.limits;
  if (found.size > maxLayerBytes) throw badInput(`${name} is larger than ${formatBytes(maxLayerBytes)}`);
  try {
    return { name, bytes: await readFile(file) };
  } catch (cause) {
    throw badInput(`Cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function readImage(
  name: string,
  pulls: boolean,
  { store, client }: Images,
  { terminal, interrupted }: CommandContext,
): Promise<Subject> {
  const key = isDigest(name) ? name : referenceKey(parseReference(name));
  const image =
    (await store.find(key)) ??
    (pulls && !isDigest(name)
      ? await withProgress(terminal, name, (onProgress) =>
          client.pull(parseReference(name), { policy: "IfNotPresent", onProgress, signal: interrupted }),
        )
      : undefined);
  if (!image) throw new Failure(`The store has no image ${key}; pull it first: wasipool image pull ${name}`);
  return { name, image, bytes: await store.blobs.read(image.moduleDigest) };
}
