import { constants } from "node:fs";

/** Flags of `open`. Those that differ between architectures come from Node. */
export const Open = {
  READ_ONLY: constants.O_RDONLY,
  WRITE_ONLY: constants.O_WRONLY,
  READ_WRITE: constants.O_RDWR,
  CREATE: constants.O_CREAT,
  EXCLUSIVE: constants.O_EXCL,
  TRUNCATE: constants.O_TRUNC,
  APPEND: constants.O_APPEND,
  DIRECTORY: constants.O_DIRECTORY,
  NO_FOLLOW: constants.O_NOFOLLOW,
  NON_BLOCK: constants.O_NONBLOCK,
  DSYNC: constants.O_DSYNC,
  SYNC: constants.O_SYNC,
  NO_CTTY: constants.O_NOCTTY,
  CLOSE_ON_EXEC: 0o2000000,
  PATH: 0o10000000,
  /** glibc's is 0 on 64-bit machines, but openat2 does not add the kernel's: without it files of 2 GiB and more answer EOVERFLOW. */
  LARGE_FILE: process.arch === "arm64" ? 0o400000 : 0o100000,
} as const;

/** Linux error numbers this folder decides on. */
export const LinuxError = {
  PERM: 1,
  NOENT: 2,
  AGAIN: 11,
  ACCES: 13,
  EXIST: 17,
  XDEV: 18,
  NOTDIR: 20,
  ISDIR: 21,
  INVAL: 22,
  ROFS: 30,
  MFILE: 24,
  NAMETOOLONG: 36,
  NOSYS: 38,
  LOOP: 40,
} as const;
