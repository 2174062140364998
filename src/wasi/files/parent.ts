import { closeDescriptor } from "./close-descriptor.ts";
import { Open } from "./linux.ts";
import type { OpenBeneath } from "./open-beneath.ts";

const SLASH = 0x2f;
const DOT = 0x2e;
const HERE = Uint8Array.of(DOT, 0);

/** A path's last name, below a folder that is open while it is used. */
export interface Located {
  readonly parentFd: number;
  /** Ends with NUL and holds no slash: system calls with it cannot follow or leave anything. */
  readonly name: Uint8Array;
  /** The path names a folder itself: `.`, `..` or one that ends so. `name` is then `.`. */
  readonly isSelf: boolean;
  /** The path ended with a slash: what it names must be a folder. */
  readonly hasSlash: boolean;
}

/**
 * Opens the folder that holds the last name of `path` (bytes that end with NUL, not empty) below `dirFd`, gives it to `use` and closes it.
 * Answers what `use` answers, or minus a Linux error number. A trailing slash never reaches the kernel: behind a symlink it would
 * make the kernel follow it.
 */
export function withParent(
  open: OpenBeneath,
  dirFd: number,
  path: Uint8Array,
  use: (located: Located) => number,
): number {
  let end = path.length - 1;
  while (end > 1 && path[end - 1] === SLASH) end -= 1;
  let start = end;
  while (start > 0 && path[start - 1] !== SLASH) start -= 1;
  const isSelf = isDots(path, start, end);
  const name = isSelf ? HERE : terminated(path.subarray(start), end - start);
  const found = { name, isSelf, hasSlash: end < path.length - 1 };
  if (start === 0 && !isSelf) return use({ parentFd: dirFd, ...found });
  const parentFd = open(dirFd, terminated(path, isSelf ? end : start), Open.PATH | Open.DIRECTORY, 0);
  if (parentFd < 0) return parentFd;
  try {
    return use({ parentFd, ...found });
  } finally {
    closeDescriptor(parentFd);
  }
}

/** Whether the last name is `.` or `..` (or nothing: the path is `/`). */
function isDots(path: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0) return true;
  return path[start] === DOT && (length === 1 || (length === 2 && path[start + 1] === DOT));
}

function terminated(path: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length + 1);
  bytes.set(path.subarray(0, length));
  return bytes;
}
