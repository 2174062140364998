import { sys } from "../files/index.ts";
import type { Descriptor } from "./descriptor.ts";
import { FdFlags, FileType } from "./descriptor.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import { Rights } from "./rights.ts";
import { Open } from "../files/index.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const FDSTAT_BYTES = 24;
const KNOWN_FLAGS = 31;
const PREOPEN_DIRECTORY = 0;

/** Descriptors as such: what they are, may do and stand for. */
export const fdTableFunctions: FunctionTable = {
  /** Closes a descriptor. EBADF: not open. */
  fd_close: (process) => (fd: number) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor) return Errno.BADF;
    process.close(fd >>> 0, descriptor);
    return Errno.SUCCESS;
  },

  /** Gives `from` the number `to`, closing what was there. EBADF: one of them is not open. */
  fd_renumber: (process) => (from: number, to: number) => {
    const moved = process.fds.get(from >>> 0);
    const replaced = process.fds.get(to >>> 0);
    if (!moved || !replaced) return Errno.BADF;
    if (moved === replaced) return Errno.SUCCESS;
    process.close(to >>> 0, replaced);
    process.fds.remove(from >>> 0);
    process.fds.set(to >>> 0, moved);
    return Errno.SUCCESS;
  },

  /** Type, flags and rights. EBADF: not open. EFAULT: the pointer is outside the memory. */
  fd_fdstat_get: (process) => (fd: number, pointer: number) => {
    pointer >>>= 0;
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor) return Errno.BADF;
    if (!process.memory.has(pointer, FDSTAT_BYTES)) return Errno.FAULT;
    const { bytes, view } = process.memory;
    bytes.fill(0, pointer, pointer + FDSTAT_BYTES);
    view.setUint8(pointer, fileTypeOf(descriptor));
    view.setUint16(pointer + 2, descriptor.flags, true);
    view.setUint32(pointer + 8, descriptor.rights, true);
    view.setUint32(pointer + 16, descriptor.inheriting, true);
    return Errno.SUCCESS;
  },

  /**
   * Sets the flags; APPEND and NONBLOCK can change. EBADF: not open. ENOTCAPABLE: no right to. EINVAL: unknown flags.
   * ENOTSUP: flags that hold from the opening on (DSYNC, RSYNC, SYNC).
   */
  fd_fdstat_set_flags: (process) => (fd: number, flags: number) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor) return Errno.BADF;
    if ((descriptor.rights & Rights.FD_FDSTAT_SET_FLAGS) === 0) return Errno.NOTCAPABLE;
    if ((flags & ~KNOWN_FLAGS) !== 0) return Errno.INVAL;
    if (((flags ^ descriptor.flags) & ~(FdFlags.APPEND | FdFlags.NONBLOCK)) !== 0) return Errno.NOTSUP;
    const set = setAppend(descriptor, (flags & FdFlags.APPEND) !== 0);
    if (set < 0) return errnoOf(set);
    descriptor.flags = flags;
    return Errno.SUCCESS;
  },

  /** Gives up rights. EBADF: not open. ENOTCAPABLE: a right that the descriptor does not have. */
  fd_fdstat_set_rights: (process) => (fd: number, rights: bigint, inheriting: bigint) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor) return Errno.BADF;
    const isMore = (rights & ~BigInt(descriptor.rights)) !== 0n || (inheriting & ~BigInt(descriptor.inheriting)) !== 0n;
    if (isMore) return Errno.NOTCAPABLE;
    descriptor.rights = Number(rights);
    descriptor.inheriting = Number(inheriting);
    return Errno.SUCCESS;
  },

  /** What kind of preopen it is and how long its name. EBADF: no preopen. EFAULT: the pointer is outside the memory. */
  fd_prestat_get: (process) => (fd: number, pointer: number) => {
    pointer >>>= 0;
    const name = preopenName(process.fds.get(fd >>> 0));
    if (!name) return Errno.BADF;
    if (!process.memory.has(pointer, 8)) return Errno.FAULT;
    process.memory.view.setUint32(pointer, PREOPEN_DIRECTORY, true);
    process.memory.view.setUint32(pointer + 4, name.length, true);
    return Errno.SUCCESS;
  },

  /** A preopen's name, without NUL. EBADF: no preopen. ENAMETOOLONG: the buffer is too small. EFAULT: it is outside the memory. */
  fd_prestat_dir_name: (process) => (fd: number, pointer: number, length: number) => {
    pointer >>>= 0;
    length >>>= 0;
    const name = preopenName(process.fds.get(fd >>> 0));
    if (!name) return Errno.BADF;
    if (length < name.length) return Errno.NAMETOOLONG;
    if (!process.memory.has(pointer, name.length)) return Errno.FAULT;
    process.memory.bytes.set(name, pointer);
    return Errno.SUCCESS;
  },
};

/** Standard streams are of no type that a guest could know: not a terminal, so that C libraries write whole blocks. */
function fileTypeOf({ kind }: Descriptor): number {
  if (kind === "directory") return FileType.DIRECTORY;
  return kind === "file" ? FileType.REGULAR_FILE : FileType.UNKNOWN;
}

function preopenName(descriptor: Descriptor | undefined): Uint8Array | undefined {
  return descriptor?.kind === "directory" ? descriptor.guestPath : undefined;
}

function setAppend(descriptor: Descriptor, wanted: boolean): number {
  if (descriptor.kind !== "file") return 0;
  const now = sys.fcntl(descriptor.hostFd, F_GETFL, 0);
  if (now < 0) return now;
  return sys.fcntl(descriptor.hostFd, F_SETFL, wanted ? now | Open.APPEND : now & ~Open.APPEND);
}
