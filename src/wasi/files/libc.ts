import { errno, openLibc } from "../../base/index.ts";

const libc = openLibc({
  close: { arguments: ["int32"], return: "int32" },
  openat: { arguments: ["int32", "buffer", "int32", "uint32"], return: "int32" },
  read: { arguments: ["int32", "buffer", "int64"], return: "int64" },
  write: { arguments: ["int32", "buffer", "int64"], return: "int64" },
  pread: { arguments: ["int32", "buffer", "int64", "int64"], return: "int64" },
  pwrite: { arguments: ["int32", "buffer", "int64", "int64"], return: "int64" },
  lseek: { arguments: ["int32", "int64", "int32"], return: "int64" },
  fcntl: { arguments: ["int32", "int32", "int32"], return: "int32" },
  fsync: { arguments: ["int32"], return: "int32" },
  fdatasync: { arguments: ["int32"], return: "int32" },
  ftruncate: { arguments: ["int32", "int64"], return: "int32" },
  posix_fadvise: { arguments: ["int32", "int64", "int64", "int32"], return: "int32" },
  statx: { arguments: ["int32", "buffer", "int32", "uint32", "buffer"], return: "int32" },
  utimensat: { arguments: ["int32", "buffer", "buffer", "int32"], return: "int32" },
  mkdirat: { arguments: ["int32", "buffer", "uint32"], return: "int32" },
  unlinkat: { arguments: ["int32", "buffer", "int32"], return: "int32" },
  renameat: { arguments: ["int32", "buffer", "int32", "buffer"], return: "int32" },
  linkat: { arguments: ["int32", "buffer", "int32", "buffer", "int32"], return: "int32" },
  symlinkat: { arguments: ["buffer", "int32", "buffer"], return: "int32" },
  readlinkat: { arguments: ["int32", "buffer", "buffer", "int64"], return: "int64" },
});

/** `syscall` in the two shapes used here. All numbers are below 2^31, all other arguments integers or pointers. */
const raw = openLibc({ syscall: { arguments: ["int64", "int32", "buffer", "buffer", "int64"], return: "int64" } });
const rawList = openLibc({ syscall: { arguments: ["int64", "int32", "buffer", "int64"], return: "int64" } });

const SYS_OPENAT2 = 437n;
const SYS_GETDENTS64 = process.arch === "arm64" ? 61n : 217n;
const OPEN_HOW_BYTES = 24n;

/**
 * System calls on descriptors and single names. Each answers 0 or more, or minus the Linux error number, as the kernel does.
 * Paths are bytes that end with NUL.
 */
export const sys = {
  close: (fd: number) => answer(libc.close(fd)),
  openat: (dirFd: number, path: Uint8Array, flags: number, mode: number) =>
    answer(libc.openat(dirFd, path, flags, mode)),
  /** `how`: struct open_how. */
  openat2: (dirFd: number, path: Uint8Array, how: Uint8Array) =>
    answer(raw.syscall(SYS_OPENAT2, dirFd, path, how, OPEN_HOW_BYTES)),
  read: (fd: number, into: Uint8Array) => answer(libc.read(fd, into, BigInt(into.length))),
  write: (fd: number, from: Uint8Array) => answer(libc.write(fd, from, BigInt(from.length))),
  pread: (fd: number, into: Uint8Array, offset: bigint) => answer(libc.pread(fd, into, BigInt(into.length), offset)),
  pwrite: (fd: number, from: Uint8Array, offset: bigint) => answer(libc.pwrite(fd, from, BigInt(from.length), offset)),
  lseek: (fd: number, offset: bigint, whence: number) => answerBig(libc.lseek(fd, offset, whence)),
  fcntl: (fd: number, command: number, value: number) => answer(libc.fcntl(fd, command, value)),
  fsync: (fd: number) => answer(libc.fsync(fd)),
  fdatasync: (fd: number) => answer(libc.fdatasync(fd)),
  ftruncate: (fd: number, bytes: bigint) => answer(libc.ftruncate(fd, bytes)),
  /** Answers the error itself instead of setting errno. */
  fadvise: (fd: number, offset: bigint, bytes: bigint, advice: number) =>
    -Number(libc.posix_fadvise(fd, offset, bytes, advice)),
  statx: (fd: number, path: Uint8Array, flags: number, mask: number, into: Uint8Array) =>
    answer(libc.statx(fd, path, flags, mask, into)),
  /** `times`: two struct timespec. */
  utimensat: (fd: number, path: Uint8Array, times: Uint8Array, flags: number) =>
    answer(libc.utimensat(fd, path, times, flags)),
  mkdirat: (dirFd: number, name: Uint8Array, mode: number) => answer(libc.mkdirat(dirFd, name, mode)),
  unlinkat: (dirFd: number, name: Uint8Array, flags: number) => answer(libc.unlinkat(dirFd, name, flags)),
  renameat: (fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array) =>
    answer(libc.renameat(fromFd, from, toFd, to)),
  linkat: (fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array) =>
    answer(libc.linkat(fromFd, from, toFd, to, 0)),
  symlinkat: (target: Uint8Array, dirFd: number, name: Uint8Array) => answer(libc.symlinkat(target, dirFd, name)),
  readlinkat: (dirFd: number, name: Uint8Array, into: Uint8Array) =>
    answer(libc.readlinkat(dirFd, name, into, BigInt(into.length))),
  getdents: (fd: number, into: Uint8Array) => answer(rawList.syscall(SYS_GETDENTS64, fd, into, BigInt(into.length))),
} as const;

function answer(result: number | bigint): number {
  const value = Number(result);
  return value === -1 ? -errno() : value;
}

function answerBig(result: number | bigint): bigint {
  const value = BigInt(result);
  return value === -1n ? BigInt(-errno()) : value;
}
