import { mkdtemp, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { grant, type GuestAccess, makeFolder } from "./guest-access.ts";
import type { VolumeFile, VolumeFiles } from "./volume-files.ts";
import { VolumeError } from "./volume-error.ts";

const DATA = "..data";

/**
 * Writes a volume's files so that readers see all of them old or all of them new, in Kubernetes' layout: a folder with the files,
 * `..data` a link to it that is swapped at once, and links to `..data/NAME` under the names people know. All links are relative and stay
 * inside. Unchanged files are left alone. Answers whether anything was written. Throws VolumeError when a path is a file and a folder.
 */
export async function writeVolume(folder: string, files: VolumeFiles, access: GuestAccess): Promise<boolean> {
  await makeFolder(folder, false, access);
  const wanted = normalPaths(files);
  const former = await readlink(path.join(folder, DATA)).catch(ifMissing);
  if (former !== undefined && (await holdsExactly(path.join(folder, former), wanted))) return false;
  const fresh = await writeAside(folder, wanted, access);
  await replaceLink(folder, DATA, path.basename(fresh));
  await linkNames(folder, new Set([...wanted.keys()].map((name) => name.split("/")[0] ?? name)));
  if (former !== undefined) await rm(path.join(folder, former), { recursive: true, force: true });
  return true;
}

function normalPaths(files: VolumeFiles): VolumeFiles {
  return new Map([...files].map(([name, file]) => [path.posix.normalize(name), file]));
}

async function writeAside(folder: string, files: VolumeFiles, access: GuestAccess): Promise<string> {
  const fresh = await mkdtemp(path.join(folder, "..version_"));
  await makeFolder(fresh, false, access);
  for (const [name, file] of files) await writeOne(fresh, name, file, access);
  return fresh;
}

async function writeOne(root: string, name: string, { bytes, mode }: VolumeFile, access: GuestAccess): Promise<void> {
  try {
    let folder = root;
    for (const part of name.split("/").slice(0, -1)) {
      folder = path.join(folder, part);
      await makeFolder(folder, false, access);
    }
    const file = path.join(root, name);
    await writeFile(file, bytes, { flag: "wx", mode: 0o600 });
    await grant(file, mode, access);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isConflict = code === "EEXIST" || code === "ENOTDIR" || code === "EISDIR";
    throw new VolumeError(isConflict ? `path ${name} is both a file and a folder` : message, { cause });
  }
}

/** Puts a relative link in place of an old one, at once. */
async function replaceLink(folder: string, name: string, target: string): Promise<void> {
  const temporary = path.join(folder, `${DATA}_tmp`);
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, path.join(folder, name));
}

async function linkNames(folder: string, names: ReadonlySet<string>): Promise<void> {
  const present = new Set((await readdir(folder)).filter((name) => !name.startsWith("..")));
  for (const name of names) if (!present.has(name)) await symlink(`${DATA}/${name}`, path.join(folder, name));
  for (const name of present) if (!names.has(name)) await rm(path.join(folder, name), { force: true });
}

async function holdsExactly(folder: string, wanted: VolumeFiles): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ifMissing);
  const present = entries?.filter((entry) => !entry.isDirectory());
  if (present?.length !== wanted.size) return false;
  for (const entry of present) {
    const file = path.join(entry.parentPath, entry.name);
    const expected = wanted.get(path.relative(folder, file));
    if (!expected || !(await isSameFile(file, expected))) return false;
  }
  return true;
}

async function isSameFile(file: string, { bytes, mode }: VolumeFile): Promise<boolean> {
  const { mode: present, size } = await stat(file);
  // Only the owner's rights are kept as asked for; a file that its owner may not read is written anew.
  if (size !== bytes.length || (present & 0o700) !== (mode & 0o700) || (mode & 0o400) === 0) return false;
  return (await readFile(file)).equals(bytes);
}

function ifMissing(cause: NodeJS.ErrnoException): undefined {
  if (cause.code === "ENOENT") return undefined;
  throw cause;
}
