import type { DirectoryDescriptor, FileDescriptor } from "./descriptor.ts";
import { Errno } from "./errno.ts";
import type { GuestProcess } from "./guest-process.ts";

/** An open folder with the rights, or the errno. EBADF: not open. ENOTDIR: no folder. ENOTCAPABLE: a right is missing. */
export function directoryOf(process: GuestProcess, fd: number, rights: number): DirectoryDescriptor | number {
  const descriptor = process.fds.get(fd >>> 0);
  if (!descriptor) return Errno.BADF;
  if (descriptor.kind !== "directory") return Errno.NOTDIR;
  return (descriptor.rights & rights) === rights ? descriptor : Errno.NOTCAPABLE;
}

/**
 * An open regular file with the rights, or the errno. EBADF: not open, or a folder. ESPIPE: a standard stream.
 * ENOTCAPABLE: a right is missing.
 */
export function fileOf(process: GuestProcess, fd: number, rights: number): FileDescriptor | number {
  const descriptor = process.fds.get(fd >>> 0);
  if (!descriptor || descriptor.kind === "directory") return Errno.BADF;
  if (descriptor.kind !== "file") return Errno.SPIPE;
  return (descriptor.rights & rights) === rights ? descriptor : Errno.NOTCAPABLE;
}
