import { chmodSync, chownSync, closeSync, constants, fstatSync, mkdirSync, openSync, realpathSync } from "node:fs";
import path from "node:path";
import { VolumeError } from "./volume-error.ts";

// O_PATH: a name for walks below it, no right to read by itself. Not in node:fs; the same number on x86-64 and arm64.
const O_PATH = 0o10000000;
const STEP = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** An opened folder and a path that leads any process of this user (or root) to just this folder while it is open. */
export interface OpenFolder extends Disposable {
  readonly path: string;
}

/**
 * Opens the folder `subPath` below `volume`, making it where `mayMake`. Links in it are followed once, before the walk; the walk itself goes
 * step by step through opened folders and follows none, so that a guest that swaps folders for links meanwhile gains nothing. Throws
 * VolumeError when it leaves the volume, is no folder or is missing.
 */
export function openFolderBelow(volume: string, subPath: string, mayMake: boolean): OpenFolder {
  const root = realpathSync(volume);
  const parts = resolveParts(root, subPath);
  let fd = openSync(root, STEP);
  try {
    for (const part of parts) {
      const next = openStep(fd, part, mayMake);
      closeSync(fd);
      fd = next;
    }
    const open = fd;
    // The dot: runtimes refuse a path whose last part is a link, as those of /proc are.
    return { path: `/proc/${process.pid}/fd/${open}/.`, [Symbol.dispose]: () => closeSync(open) };
  } catch (cause) {
    closeSync(fd);
    throw new VolumeError(`failed to prepare subPath ${JSON.stringify(subPath)}: ${reasonOf(cause)}`, { cause });
  }
}

/** Parts of the path after links in the part of it that exists; those missing stay as written. */
function resolveParts(root: string, subPath: string): readonly string[] {
  const wanted = partsOf(subPath);
  for (let known = wanted.length; known >= 0; known--) {
    const real = realPath(path.join(root, ...wanted.slice(0, known)));
    if (real === undefined) continue;
    const relative = path.relative(root, real);
    if (relative === ".." || relative.startsWith("../"))
      throw new VolumeError(`subPath ${JSON.stringify(subPath)} leads out of the volume through a symbolic link`);
    return [...partsOf(relative), ...wanted.slice(known)];
  }
  return wanted;
}

function partsOf(relative: string): readonly string[] {
  return path.posix
    .normalize(relative)
    .split("/")
    .filter((part) => part !== "" && part !== ".");
}

function realPath(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new VolumeError(`failed to resolve subPath: ${message}`, { cause });
  }
}

function openStep(fd: number, part: string, mayMake: boolean): number {
  const step = `/proc/self/fd/${fd}/${part}`;
  try {
    return openSync(step, STEP);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT" || !mayMake) throw cause;
  }
  mkdirSync(step);
  const made = openSync(step, STEP);
  // As its parent is: group and rights decide whether the guest may write there.
  const { mode, gid } = fstatSync(fd);
  chownSync(`/proc/self/fd/${made}/.`, -1, gid);
  chmodSync(`/proc/self/fd/${made}/.`, mode & 0o777);
  return made;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "a part of it is not a folder; a guest can be given folders only",
};

function reasonOf(cause: unknown): string {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}
