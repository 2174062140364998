import { closeDescriptor, FileStat, LinuxError, Open } from "../files/index.ts";
import { type DirectoryDescriptor, FdFlags } from "./descriptor.ts";
import { directoryOf } from "./descriptor-access.ts";
import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import { guestPath } from "./guest-path.ts";
import type { GuestProcess } from "./guest-process.ts";
import { pathErrno } from "./path-errno.ts";
import { DIRECTORY_RIGHTS, FILE_RIGHTS, Rights } from "./rights.ts";

/** `lookupflags`: a symlink at the end of the path is followed. */
export const SYMLINK_FOLLOW = 1;
const OpenFlags = { CREATE: 1, DIRECTORY: 2, EXCLUSIVE: 4, TRUNCATE: 8 } as const;
const KNOWN_OPEN_FLAGS = 15;
const KNOWN_FD_FLAGS = 31;
/** Rights live in 30 bits; more cannot be had. */
const RIGHTS_MASK = 0x3fff_ffffn;
const WRITING = Rights.FD_WRITE | Rights.FD_ALLOCATE | Rights.FD_FILESTAT_SET_SIZE;
const READING = Rights.FD_READ | Rights.FD_READDIR;
/** Before the umask. */
const NEW_FILE_MODE = 0o666;
const stat = new FileStat();

/** What a guest asks of path_open beside the path. */
interface Wanted {
  readonly follow: boolean;
  readonly openFlags: number;
  readonly rights: number;
  readonly inheriting: number;
  readonly fdFlags: number;
}

/** Opening files and folders. */
export const pathOpenFunctions: FunctionTable = {
  /**
   * Opens what a path below a folder names and tells its descriptor. Only regular files and folders are opened.
   * EBADF: not open. ENOTDIR: no folder, or DIRECTORY asked of a file. ENOTCAPABLE: a right is missing. EINVAL: flags that are
   * unknown or exclude each other. EPERM: the path leaves the folder. EROFS: a change on a read-only volume. EEXIST, ENOENT, EISDIR,
   * ELOOP, ENAMETOOLONG, EACCES, ENOSPC, EDQUOT, ETXTBSY as the system says. EMFILE: too many open files. ENOTSUP, ENXIO: neither file
   * nor folder. EILSEQ: not UTF-8. EFAULT: a pointer is outside the memory.
   */
  path_open:
    (process) =>
    (
      fd: number,
      lookup: number,
      path: number,
      length: number,
      openFlags: number,
      rights: bigint,
      inheriting: bigint,
      fdFlags: number,
      result: number,
    ) => {
      const directory = directoryOf(process, fd, Rights.PATH_OPEN);
      if (typeof directory === "number") return directory;
      if (!process.memory.has(result >>> 0, 4)) return Errno.FAULT;
      const wanted: Wanted = {
        follow: (lookup & SYMLINK_FOLLOW) !== 0,
        openFlags,
        rights: Number(rights & RIGHTS_MASK),
        inheriting: Number(inheriting & RIGHTS_MASK),
        fdFlags,
      };
      const refused = refusal(directory, wanted);
      if (refused !== Errno.SUCCESS) return refused;
      const bytes = guestPath(process, path, length);
      if (typeof bytes === "number") return bytes;
      if (!process.canOpen) return Errno.MFILE;
      const hostFd = open(process, directory, bytes, wanted);
      if (hostFd < 0) return pathErrno(hostFd);
      return enter(process, directory, hostFd, wanted, result >>> 0);
    },
};

/** Why a guest may not ask so, before anything is touched. */
function refusal({ rights, readOnly }: DirectoryDescriptor, { openFlags, fdFlags, rights: asked }: Wanted): number {
  if ((openFlags & ~KNOWN_OPEN_FLAGS) !== 0 || (fdFlags & ~KNOWN_FD_FLAGS) !== 0) return Errno.INVAL;
  if ((openFlags & OpenFlags.CREATE) !== 0 && (rights & Rights.PATH_CREATE_FILE) === 0) return Errno.NOTCAPABLE;
  if ((openFlags & OpenFlags.TRUNCATE) !== 0 && (rights & Rights.PATH_FILESTAT_SET_SIZE) === 0) return Errno.NOTCAPABLE;
  if ((openFlags & OpenFlags.CREATE) !== 0 && (openFlags & OpenFlags.DIRECTORY) !== 0) return Errno.INVAL;
  if (!readOnly) return Errno.SUCCESS;
  const isChange = (openFlags & OpenFlags.TRUNCATE) !== 0 || (asked & Rights.FD_WRITE) !== 0;
  return isChange ? Errno.ROFS : Errno.SUCCESS;
}

function open(process: GuestProcess, directory: DirectoryDescriptor, path: Uint8Array, wanted: Wanted): number {
  const { openBeneath } = process.settings;
  const isCreating = (wanted.openFlags & OpenFlags.CREATE) !== 0;
  if (directory.readOnly && isCreating) return openExisting(process, directory, path, wanted);
  if (isCreating || (wanted.openFlags & OpenFlags.TRUNCATE) !== 0) process.beforeEffect();
  const flags = linuxFlags(wanted, directory.readOnly);
  const fd = openBeneath(directory.hostFd, path, flags, NEW_FILE_MODE);
  // Rights to allocate or truncate mean nothing for a folder and must not keep it from being opened.
  const isFolder = fd === -LinuxError.ISDIR && (wanted.rights & Rights.FD_WRITE) === 0;
  const isChange = (wanted.openFlags & (OpenFlags.CREATE | OpenFlags.TRUNCATE)) !== 0;
  if (!isFolder || isChange) return fd;
  return openBeneath(directory.hostFd, path, linuxFlags({ ...wanted, rights: wanted.rights & ~WRITING }, true), 0);
}

/** On a read-only volume a file that is there may be opened with CREATE, as a kernel's read-only mount allows it. */
function openExisting(
  { settings: { openBeneath } }: GuestProcess,
  { hostFd }: DirectoryDescriptor,
  path: Uint8Array,
  wanted: Wanted,
): number {
  const openFlags = wanted.openFlags & ~(OpenFlags.CREATE | OpenFlags.EXCLUSIVE);
  const fd = openBeneath(hostFd, path, linuxFlags({ ...wanted, openFlags }, true), 0);
  if (fd < 0) return fd === -LinuxError.NOENT ? -LinuxError.ROFS : fd;
  if ((wanted.openFlags & OpenFlags.EXCLUSIVE) === 0) return fd;
  closeDescriptor(fd);
  return -LinuxError.EXIST;
}

function linuxFlags({ follow, openFlags, rights, fdFlags }: Wanted, readOnly: boolean): number {
  const isTruncating = (openFlags & OpenFlags.TRUNCATE) !== 0;
  const writes = !readOnly && ((rights & WRITING) !== 0 || isTruncating);
  const reads = (rights & READING) !== 0;
  const access = writes ? (reads ? Open.READ_WRITE : Open.WRITE_ONLY) : Open.READ_ONLY;
  const isExclusive = (openFlags & OpenFlags.EXCLUSIVE) !== 0;
  return (
    access |
    // A FIFO must not hold the thread until someone writes to it.
    Open.NON_BLOCK |
    Open.NO_CTTY |
    (follow && !isExclusive ? 0 : Open.NO_FOLLOW) |
    ((openFlags & OpenFlags.CREATE) === 0 ? 0 : Open.CREATE) |
    ((openFlags & OpenFlags.CREATE) !== 0 && isExclusive ? Open.EXCLUSIVE : 0) |
    ((openFlags & OpenFlags.DIRECTORY) === 0 ? 0 : Open.DIRECTORY) |
    (isTruncating ? Open.TRUNCATE : 0) |
    ((fdFlags & FdFlags.APPEND) === 0 ? 0 : Open.APPEND) |
    ((fdFlags & (FdFlags.RSYNC | FdFlags.SYNC)) === 0 ? 0 : Open.SYNC) |
    ((fdFlags & FdFlags.DSYNC) === 0 ? 0 : Open.DSYNC)
  );
}

/** Makes an opened file the guest's; closes it when it may not be. */
function enter(
  process: GuestProcess,
  parent: DirectoryDescriptor,
  hostFd: number,
  { rights, inheriting, fdFlags }: Wanted,
  result: number,
): number {
  const known = stat.ofDescriptor(hostFd);
  if (known < 0 || (stat.target !== "file" && stat.target !== "directory")) {
    closeDescriptor(hostFd);
    return known < 0 ? pathErrno(known) : Errno.NOTSUP;
  }
  const { readOnly } = parent;
  const allowed = rights & parent.inheriting;
  const fd =
    stat.target === "directory"
      ? process.open({
          kind: "directory",
          hostFd,
          owned: true,
          readOnly,
          listingFd: -1,
          rights: allowed & DIRECTORY_RIGHTS,
          inheriting: inheriting & parent.inheriting,
          flags: fdFlags,
        })
      : process.open({
          kind: "file",
          hostFd,
          readOnly,
          rights: allowed & (readOnly ? FILE_RIGHTS & ~WRITING : FILE_RIGHTS),
          inheriting: 0,
          flags: fdFlags,
        });
  process.memory.view.setUint32(result, fd, true);
  return Errno.SUCCESS;
}
