import { FileStat, LinuxError, type OpenBeneath, sys, withParent } from "../files/index.ts";
import type { DirectoryDescriptor } from "./descriptor.ts";
import { directoryOf } from "./descriptor-access.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import { guestPath, isAbsolute } from "./guest-path.ts";
import type { GuestProcess } from "./guest-process.ts";
import { pathErrno } from "./path-errno.ts";
import { Rights } from "./rights.ts";
import { SYMLINK_FOLLOW } from "./path-open.ts";

const BUSY = -16;
const stat = new FileStat();

/** Paths that give a file another name, or tell where a symlink leads. Errnos common to all: as for path_create_directory. */
export const pathLinkFunctions: FunctionTable = {
  /**
   * Gives a file one more name; a symlink is linked itself. EROFS also when the file lies on a read-only volume: its new name would be
   * writable. EINVAL: asked to follow. EPERM: a folder. EXDEV: two volumes.
   */
  path_link:
    (process) =>
    (
      oldFd: number,
      lookup: number,
      oldPath: number,
      oldLength: number,
      newFd: number,
      newPath: number,
      newLength: number,
    ) => {
      if ((lookup & SYMLINK_FOLLOW) !== 0) return Errno.INVAL;
      const from: Name = { fd: oldFd, path: oldPath, length: oldLength, rights: Rights.PATH_LINK_SOURCE };
      const to: Name = { fd: newFd, path: newPath, length: newLength, rights: Rights.PATH_LINK_TARGET };
      return withPair(process, from, to, link);
    },

  /** Renames. EBUSY: a folder named by `.` or `..`. ENOTDIR, EISDIR, ENOTEMPTY: what is there is of another kind. */
  path_rename:
    (process) =>
    (oldFd: number, oldPath: number, oldLength: number, newFd: number, newPath: number, newLength: number) => {
      const from: Name = { fd: oldFd, path: oldPath, length: oldLength, rights: Rights.PATH_RENAME_SOURCE };
      const to: Name = { fd: newFd, path: newPath, length: newLength, rights: Rights.PATH_RENAME_TARGET };
      return withPair(process, from, to, rename);
    },

  /** Where a symlink leads, cut to the buffer. EINVAL: no symlink. */
  path_readlink:
    (process) => (fd: number, path: number, length: number, buffer: number, bufferLength: number, size: number) => {
      buffer >>>= 0;
      bufferLength >>>= 0;
      size >>>= 0;
      const directory = directoryOf(process, fd, Rights.PATH_READLINK);
      if (typeof directory === "number") return directory;
      const bytes = guestPath(process, path, length);
      if (typeof bytes === "number") return bytes;
      const { memory, settings } = process;
      if (!memory.has(buffer, bufferLength) || !memory.has(size, 4)) return Errno.FAULT;
      const into = memory.bytes.subarray(buffer, buffer + bufferLength);
      const result = withParent(
        settings.openBeneath,
        directory.hostFd,
        bytes,
        ({ parentFd, name, isSelf, hasSlash }) => {
          if (isSelf || hasSlash) return -LinuxError.INVAL;
          // The kernel refuses an empty buffer; a guest may ask with one whether there is a symlink.
          return bufferLength === 0
            ? Math.min(0, sys.readlinkat(parentFd, name, Buffer.alloc(1)))
            : sys.readlinkat(parentFd, name, into);
        },
      );
      if (result < 0) return pathErrno(result);
      memory.view.setUint32(size, result, true);
      return Errno.SUCCESS;
    },
};

interface Name {
  readonly fd: number;
  readonly path: number;
  readonly length: number;
  readonly rights: number;
}

type Located = Parameters<Parameters<typeof withParent>[3]>[0];

function link(from: Located, to: Located): number {
  const known = stat.ofName(from.parentFd, from.name);
  if (known < 0) return known;
  const isFolder = stat.target === "directory";
  if (isFolder || from.isSelf) return -LinuxError.PERM;
  if (to.isSelf) return -LinuxError.EXIST;
  if (to.hasSlash) return -LinuxError.NOENT;
  if (from.hasSlash) return -LinuxError.NOTDIR;
  return sys.linkat(from.parentFd, from.name, to.parentFd, to.name);
}

function rename(from: Located, to: Located): number {
  if (from.isSelf || to.isSelf) return BUSY;
  const known = stat.ofName(from.parentFd, from.name);
  if (known < 0) return known;
  if ((from.hasSlash || to.hasSlash) && stat.target !== "directory") return -LinuxError.NOTDIR;
  return sys.renameat(from.parentFd, from.name, to.parentFd, to.name);
}

function withPair(process: GuestProcess, from: Name, to: Name, run: (from: Located, to: Located) => number): number {
  const source = directoryOf(process, from.fd, from.rights);
  if (typeof source === "number") return source;
  const target = directoryOf(process, to.fd, to.rights);
  if (typeof target === "number") return target;
  const oldPath = guestPath(process, from.path, from.length);
  if (typeof oldPath === "number") return oldPath;
  const newPath = guestPath(process, to.path, to.length);
  if (typeof newPath === "number") return newPath;
  if (isAbsolute(oldPath) || isAbsolute(newPath)) return Errno.PERM;
  if (source.readOnly || target.readOnly) return Errno.ROFS;
  process.beforeEffect();
  return located(process.settings.openBeneath, [source, oldPath], [target, newPath], run);
}

/** A result of EXDEV is the caller's fault only from opening: between two volumes the system itself answers it. */
function located(
  open: OpenBeneath,
  [source, oldPath]: readonly [DirectoryDescriptor, Uint8Array],
  [target, newPath]: readonly [DirectoryDescriptor, Uint8Array],
  run: (from: Located, to: Located) => number,
): number {
  let errno: number | undefined;
  const opened = withParent(open, source.hostFd, oldPath, (from) =>
    withParent(open, target.hostFd, newPath, (to) => {
      errno = errnoOf(run(from, to));
      return 0;
    }),
  );
  return errno ?? pathErrno(opened);
}
