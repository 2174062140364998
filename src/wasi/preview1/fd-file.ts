import { FileStat, sys } from "../files/index.ts";
import type { Descriptor, DirectoryDescriptor, FileDescriptor } from "./descriptor.ts";
import { fileOf } from "./descriptor-access.ts";
import { Errno, errnoOf } from "./errno.ts";
import { previewStat, type StatLayout, unstableStat } from "./file-stat-memory.ts";
import { fileTimes } from "./file-times.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import { Rights } from "./rights.ts";

const AT_EMPTY_PATH = 0x1000;
const HERE = Uint8Array.from(Buffer.from(".\0"));
const NOTHING = Uint8Array.of(0);
const HIGHEST_ADVICE = 5;
/** Linux's advice by preview 1's: normal, sequential, random, will need, do not need, no reuse. */
const LINUX_ADVICE = [0, 2, 1, 3, 4, 5] as const;
const stat = new FileStat();

/** What stands behind a descriptor, read and changed. */
export const fdFileFunctions: FunctionTable = {
  /** EBADF: not open. ENOTCAPABLE: no right to. EFAULT: the pointer is outside the memory. */
  fd_filestat_get: (process) => (fd: number, pointer: number) => getStat(process, fd, pointer, previewStat),

  /** EBADF: not open. ESPIPE: a standard stream. ENOTCAPABLE: no right to. EINVAL: beyond 2^63 - 1. EFBIG, ENOSPC as the system says. */
  fd_filestat_set_size: (process) => (fd: number, size: bigint) => {
    const file = fileOf(process, fd, Rights.FD_FILESTAT_SET_SIZE);
    if (typeof file === "number") return file;
    if (size < 0n) return Errno.INVAL;
    process.beforeEffect();
    return errnoOf(sys.ftruncate(file.hostFd, size));
  },

  /** EBADF: not open. ESPIPE: a standard stream. ENOTCAPABLE: no right to. EROFS: a read-only volume. EINVAL: flags exclude each other. */
  fd_filestat_set_times: (process) => (fd: number, accessed: bigint, modified: bigint, flags: number) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor) return Errno.BADF;
    if ((descriptor.rights & Rights.FD_FILESTAT_SET_TIMES) === 0) return Errno.NOTCAPABLE;
    if (!isOnDisk(descriptor)) return Errno.SPIPE;
    const times = fileTimes(flags, accessed, modified);
    if (typeof times === "number") return times;
    if (descriptor.readOnly) return Errno.ROFS;
    process.beforeEffect();
    const isFolder = descriptor.kind === "directory";
    return errnoOf(sys.utimensat(descriptor.hostFd, isFolder ? HERE : NOTHING, times, isFolder ? 0 : AT_EMPTY_PATH));
  },

  /** EBADF: not open, or a folder. ESPIPE: a standard stream. ENOTCAPABLE: no right to. EINVAL: unknown advice, or beyond 2^63 - 1. */
  fd_advise: (process) => (fd: number, offset: bigint, length: bigint, advice: number) => {
    advice >>>= 0;
    if (!process.fds.get(fd >>> 0)) return Errno.BADF;
    if (advice > HIGHEST_ADVICE || offset < 0n || length < 0n) return Errno.INVAL;
    const file = fileOf(process, fd, Rights.FD_ADVISE);
    if (typeof file === "number") return file;
    return errnoOf(sys.fadvise(file.hostFd, offset, length, LINUX_ADVICE[advice] ?? 0));
  },

  /** Never done: preview 1 left it out again. EBADF: not open, or a folder. EINVAL: nothing asked for. ENOTSUP else. */
  fd_allocate: (process) => (fd: number, _offset: bigint, length: bigint) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor || descriptor.kind === "directory") return Errno.BADF;
    return length === 0n ? Errno.INVAL : Errno.NOTSUP;
  },

  /** Everything of the file to the disk. EBADF: not open. ENOTCAPABLE: no right to. EIO, ENOSPC as the system says. */
  fd_sync: (process) => (fd: number) => flush(process, fd, Rights.FD_SYNC, sys.fsync),

  /** The data of the file to the disk. Errnos as for fd_sync. */
  fd_datasync: (process) => (fd: number) => flush(process, fd, Rights.FD_DATASYNC, sys.fdatasync),
};

/** What differs in `wasi_unstable`. */
export const unstableFdFileFunctions: FunctionTable = {
  fd_filestat_get: (process) => (fd: number, pointer: number) => getStat(process, fd, pointer, unstableStat),
};

function getStat(process: GuestProcess, fd: number, pointer: number, layout: StatLayout): number {
  pointer >>>= 0;
  const descriptor = process.fds.get(fd >>> 0);
  if (!descriptor) return Errno.BADF;
  if ((descriptor.rights & Rights.FD_FILESTAT_GET) === 0) return Errno.NOTCAPABLE;
  if (!process.memory.has(pointer, layout.bytes)) return Errno.FAULT;
  if (!isOnDisk(descriptor)) {
    process.memory.bytes.fill(0, pointer, pointer + layout.bytes);
    return Errno.SUCCESS;
  }
  const result = stat.ofDescriptor(descriptor.hostFd);
  if (result < 0) return errnoOf(result);
  layout.write(process.memory, pointer, stat);
  return Errno.SUCCESS;
}

function flush(process: GuestProcess, fd: number, right: number, call: (fd: number) => number): number {
  const descriptor = process.fds.get(fd >>> 0);
  if (!descriptor) return Errno.BADF;
  if ((descriptor.rights & right) === 0) return Errno.NOTCAPABLE;
  if (!isOnDisk(descriptor)) return Errno.SUCCESS;
  return errnoOf(call(descriptor.hostFd));
}

function isOnDisk(descriptor: Descriptor): descriptor is FileDescriptor | DirectoryDescriptor {
  return descriptor.kind === "file" || descriptor.kind === "directory";
}
