import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Digest, isDigest } from "../reference/digest.ts";

/** Bytes and files below a folder. What vanishes while it is looked at counts as nothing. */
export interface FolderUsage {
  readonly bytes: number;
  readonly files: number;
}

export async function usageOf(folder: string): Promise<FolderUsage> {
  let bytes = 0;
  let files = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])) {
    const found = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    files += 1;
    if (found?.isFile()) bytes += found.size;
  }
  return { bytes, files };
}

/** Bytes of each file or folder named by a digest's hexadecimal digits in `folder`. */
export async function usageByDigest(folder: string): Promise<ReadonlyMap<Digest, number>> {
  const usage = new Map<Digest, number>();
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const digest = `sha256:${entry.name}`;
    if (!isDigest(digest)) continue;
    const full = path.join(folder, entry.name);
    const bytes = entry.isDirectory() ? (await usageOf(full)).bytes : await sizeOf(full);
    usage.set(digest, bytes);
  }
  return usage;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.size ?? 0;
}
