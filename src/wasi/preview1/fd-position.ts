import { LinuxError, sys } from "../files/index.ts";
import { fileOf } from "./descriptor-access.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import { Rights } from "./rights.ts";

/** Linux's numbers, which are those of preview 1. */
const Whence = { SET: 0, CURRENT: 1, END: 2 } as const;

/** The position in a file. */
export const fdPositionFunctions: FunctionTable = {
  /**
   * Moves the position and tells it. EBADF: not open, or a folder. ESPIPE: a standard stream.
   * ENOTCAPABLE: no right to seek (asking for the position needs only the right to tell). EINVAL: unknown whence, or before the
   * start. EFAULT: the pointer is outside the memory.
   */
  fd_seek: (process) => (fd: number, offset: bigint, whence: number, pointer: number) =>
    seek(process, fd, offset, { whence, pointer }),

  /** Tells the position. Errnos as for fd_seek. */
  fd_tell: (process) => (fd: number, pointer: number) => seek(process, fd, 0n, { whence: Whence.CURRENT, pointer }),
};

/** The whence of `wasi_unstable` in order: current, end, set. */
const UNSTABLE_WHENCE: readonly number[] = [Whence.CURRENT, Whence.END, Whence.SET];

/** What differs in `wasi_unstable`. */
export const unstableFdPositionFunctions: FunctionTable = {
  fd_seek: (process) => (fd: number, offset: bigint, whence: number, pointer: number) =>
    seek(process, fd, offset, { whence: UNSTABLE_WHENCE[whence] ?? -1, pointer }),
};

function seek(process: GuestProcess, fd: number, offset: bigint, how: { whence: number; pointer: number }): number {
  const pointer = how.pointer >>> 0;
  const isTelling = how.whence === Whence.CURRENT && offset === 0n;
  const file = fileOf(process, fd, 0);
  if (typeof file === "number") return file;
  const needed = isTelling ? Rights.FD_SEEK | Rights.FD_TELL : Rights.FD_SEEK;
  if ((file.rights & needed) === 0) return Errno.NOTCAPABLE;
  if (how.whence < Whence.SET || how.whence > Whence.END) return Errno.INVAL;
  if (!process.memory.has(pointer, 8)) return Errno.FAULT;
  const position = sys.lseek(file.hostFd, offset, how.whence);
  if (position < 0n) return errnoOf(Number(position) || -LinuxError.INVAL);
  process.memory.view.setBigUint64(pointer, position, true);
  return Errno.SUCCESS;
}
