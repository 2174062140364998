import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import path from "node:path";
import type { Mount } from "../cri/index.ts";
import type { WagiModule } from "./annotations/index.ts";

/** A folder for a guest: from the pod's volumes, or from a module's `volumes` in the WAGI annotation. */
export interface FolderMount {
  readonly guestPath: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** Asked for by the annotation, which no admission policy for host paths has seen. */
  readonly isFromAnnotation: boolean;
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
 * Opens the folders. Throws an Error that names the path when one is missing, no folder, a symbolic link, not permitted, or, for
 * a folder of the annotation, not below one of `annotationRoots`; those opened before are closed again.
 */
export function openFolders(mounts: readonly FolderMount[], annotationRoots: readonly string[]): OpenFolders {
  const fds: number[] = [];
  const close = () => {
    for (const fd of fds.splice(0)) closeSync(fd);
  };
  try {
    for (const mount of mounts) fds.push(openFolder(mount, annotationRoots));
  } catch (error) {
    close();
    throw error;
  }
  return { fds, [Symbol.dispose]: close };
}

function openFolder(mount: FolderMount, annotationRoots: readonly string[]): number {
  const { guestPath, hostPath } = mount;
  if (!path.isAbsolute(hostPath))
    throw new Error(`Cannot mount ${hostPath} on ${guestPath}: the host path is not absolute`);
  const fd = open(mount);
  // Asked of the descriptor, so that no link on the way can have led elsewhere.
  if (!mount.isFromAnnotation || isBelow(readlinkSync(`/proc/self/fd/${fd}`), annotationRoots)) return fd;
  closeSync(fd);
  throw new Error(
    `Cannot mount ${hostPath} on ${guestPath}: "volumes" of the annotation may name only folders below ` +
      `${annotationRoots.join(", ") || "(none allowed here)"}; use the pod's volumes and volumeMounts`,
  );
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
