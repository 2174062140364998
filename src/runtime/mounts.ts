import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import path from "node:path";
import { geteuid } from "node:process";
import type { Mount } from "../cri/index.ts";
import type { WagiModule } from "./annotations/index.ts";
import { canGuestsEnter, type GuestIdentity } from "./guest-access.ts";

/** A folder for a guest: from the pod's volumes, or from a module's `volumes` in the WAGI annotation. */
export interface FolderMount {
  readonly guestPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** Asked for by the annotation, which no admission policy for host paths has seen. */
  readonly isFromAnnotation: boolean;
}

/** What is asked of a folder before a guest gets it. */
export interface FolderPolicy {
  /** Folders below which those of the annotation must lie. */
  readonly annotationRoots: readonly string[];
  readonly guest: GuestIdentity;
}

/** Opened folders in the order of their mounts; the owner closes them. */
export interface OpenFolders extends Disposable {
  readonly fds: readonly number[];
}

// O_PATH: a name for walks below it, no right to read by itself. Not in node:fs; the same number on x86-64 and arm64.
const O_PATH = 0o10000000;
const OPEN_FLAGS = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** A container's mounts and its module's volumes. A volume replaces a mount of the same guest path. */
export function foldersOf(mounts: readonly Mount[], module?: WagiModule): readonly FolderMount[] {
  const folders = new Map<string, FolderMount>();
  for (const { containerPath, hostPath, readonly } of mounts)
    folders.set(normal(containerPath), {
      guestPath: normal(containerPath),
      hostPath,
      readOnly: readonly,
      isFromAnnotation: false,
    });
  for (const [guestPath, hostPath] of Object.entries(module?.volumes ?? {}))
    folders.set(normal(guestPath), { guestPath: normal(guestPath), hostPath, readOnly: false, isFromAnnotation: true });
  return [...folders.values()];
}

function normal(guestPath: string): string {
  const clean = path.posix.normalize(guestPath);
  return clean.length > 1 ? clean.replace(/\/$/, "") : clean;
}

/**
 * Opens the folders. Throws an Error that names the path when one is missing, no folder, a symbolic link, closed to guests, or, for
 * a folder of the annotation, not below one of the roots; those opened before are closed again.
 */
export function openFolders(mounts: readonly FolderMount[], policy: FolderPolicy): OpenFolders {
  const fds: number[] = [];
  const close = () => {
    for (const fd of fds.splice(0)) closeSync(fd);
  };
  try {
    for (const mount of mounts) fds.push(openFolder(mount, policy));
  } catch (error) {
    close();
    throw error;
  }
  return { fds, [Symbol.dispose]: close };
}

function openFolder(mount: FolderMount, policy: FolderPolicy): number {
  const { guestPath, hostPath } = mount;
  const refusal = (why: string) => new Error(`Cannot mount ${hostPath} on ${guestPath}: ${why}`);
  if (!path.isAbsolute(hostPath)) throw refusal("the host path is not absolute");
  if (!path.isAbsolute(guestPath)) throw refusal("the container path is not absolute");
  const fd = open(mount);
  try {
    const problem = problemOf(fd, mount, policy);
    if (problem === undefined) return fd;
    throw refusal(problem);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Asked of the descriptor, so that no link on the way can have led elsewhere. */
function problemOf(fd: number, mount: FolderMount, { annotationRoots, guest }: FolderPolicy): string | undefined {
  if (mount.isFromAnnotation && !isBelow(readlinkSync(`/proc/self/fd/${fd}`), annotationRoots))
    return (
      `"volumes" of the annotation may name only folders below ` +
      `${annotationRoots.join(", ") || "(none allowed here)"}; use the pod's volumes and volumeMounts`
    );
  if (!canGuestsEnter(fd, guest)) return `guests, which run as ${userOf(guest)}, may not enter it`;
  return undefined;
}

/** Guests share this process's user unless it is root. */
function userOf({ uid }: GuestIdentity): string {
  const own = geteuid?.();
  return own === 0 ? `uid ${uid}` : `uid ${own}`;
}

function open({ guestPath, hostPath }: FolderMount): number {
  try {
    return openSync(hostPath, OPEN_FLAGS);
  } catch (cause) {
    throw new Error(`Cannot mount ${hostPath} on ${guestPath}: ${reasonOf(cause)}`, { cause });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  ENOTDIR: "it is not a folder, or a symbolic link to one (a guest can be given folders only)",
  EACCES: "permission denied",
};

function reasonOf(cause: unknown): string {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return REASONS[code] ?? message;
}

function isBelow(folder: string, roots: readonly string[]): boolean {
  return roots.some((root) => folder === root || folder.startsWith(root.endsWith("/") ? root : `${root}/`));
}
