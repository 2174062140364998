import { LinuxError } from "../files/index.ts";
import { Errno, errnoOf } from "./errno.ts";

/** The errno of a path's system call. EPERM: the path leaves the folder it starts in (EXDEV from `OpenBeneath`). */
export function pathErrno(result: number): number {
  return result === -LinuxError.XDEV ? Errno.PERM : errnoOf(result);
}
