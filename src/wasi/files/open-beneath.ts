import { sys } from "./libc.ts";
import { LinuxError, Open } from "./linux.ts";
import { walkBeneath } from "./walk-beneath.ts";

/**
 * Opens `path` (bytes that end with NUL) below the folder `dirFd`. Answers a descriptor, or minus a Linux error number: EXDEV for a
 * path that leaves the folder, be it by `..`, an absolute path or a symlink. `mode` counts only with O_CREAT.
 */
export type OpenBeneath = (dirFd: number, path: Uint8Array, flags: number, mode: number) => number;

const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_BENEATH = 0x08n;
/** A rename anywhere may make the kernel unsure whether a `..` still lies beneath: it then asks to try again. */
const MAX_ATTEMPTS = 64;

const how = Buffer.alloc(24);
how.writeBigUInt64LE(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS, 16);

/** By `openat2` with RESOLVE_BENEATH: the kernel decides in one step, so nobody can exchange a folder for a symlink meanwhile. */
export const kernelDecides: OpenBeneath = (dirFd, path, flags, mode) => {
  const extra = (flags & Open.PATH) === 0 ? Open.LARGE_FILE : 0;
  how.writeBigUInt64LE(BigInt((flags | Open.CLOSE_ON_EXEC | extra) >>> 0), 0);
  how.writeBigUInt64LE((flags & Open.CREATE) === 0 ? 0n : BigInt(mode), 8);
  for (let attempt = 1; ; attempt += 1) {
    const result = sys.openat2(dirFd, path, how);
    if (result !== -LinuxError.AGAIN || attempt === MAX_ATTEMPTS) return result;
  }
};

let chosen: OpenBeneath | undefined;

/** The kernel's way, or the walk where `openat2` is missing (before Linux 5.6) or forbidden (some containers answer EPERM). */
export const openBeneath: OpenBeneath = (dirFd, path, flags, mode) => {
  chosen ??= hasOpenat2(dirFd) ? kernelDecides : walkBeneath;
  return chosen(dirFd, path, flags, mode);
};

function hasOpenat2(dirFd: number): boolean {
  const fd = kernelDecides(dirFd, Buffer.from(".\0"), Open.PATH | Open.DIRECTORY, 0);
  if (fd >= 0) sys.close(fd);
  return fd !== -LinuxError.NOSYS && fd !== -LinuxError.PERM;
}
