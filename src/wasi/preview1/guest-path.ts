import { MAX_PATH_BYTES } from "../limits.ts";
import { Errno } from "./errno.ts";
import type { GuestProcess } from "./guest-process.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const SLASH = 0x2f;

/**
 * A path from the guest's memory, copied, with a NUL at its end; or the errno.
 * EFAULT: not inside the memory. ENAMETOOLONG: 4096 bytes or more. ENOENT: empty. EINVAL: a NUL inside. EILSEQ: not UTF-8.
 */
export function guestPath(process: GuestProcess, pointer: number, length: number): Uint8Array | number {
  pointer >>>= 0;
  length >>>= 0;
  if (!process.memory.has(pointer, length)) return Errno.FAULT;
  if (length >= MAX_PATH_BYTES) return Errno.NAMETOOLONG;
  if (length === 0) return Errno.NOENT;
  const path = new Uint8Array(length + 1);
  path.set(process.memory.bytes.subarray(pointer, pointer + length));
  if (path.indexOf(0) < length) return Errno.INVAL;
  return isUtf8(path) ? path : Errno.ILSEQ;
}

/** Whether a path begins at the root, which no guest has. */
export function isAbsolute(path: Uint8Array): boolean {
  return path[0] === SLASH;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
