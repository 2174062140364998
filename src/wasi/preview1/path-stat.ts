import { closeDescriptor, FileStat, Open, sys } from "../files/index.ts";
import { directoryOf } from "./descriptor-access.ts";
import { Errno } from "./errno.ts";
import { previewStat, type StatLayout, unstableStat } from "./file-stat-memory.ts";
import { fileTimes } from "./file-times.ts";
import type { FunctionTable } from "./function-table.ts";
import { guestPath } from "./guest-path.ts";
import type { GuestProcess } from "./guest-process.ts";
import { pathErrno } from "./path-errno.ts";
import { SYMLINK_FOLLOW } from "./path-open.ts";
import { Rights } from "./rights.ts";

const AT_EMPTY_PATH = 0x1000;
const NOTHING = Uint8Array.of(0);
const stat = new FileStat();

/** What paths name, looked at and given other times. */
export const pathStatFunctions: FunctionTable = {
  /** Errnos as for path_open, where they apply. */
  path_filestat_get: (process) => (fd: number, lookup: number, path: number, length: number, result: number) =>
    getStat(process, { fd, lookup, path, length }, result, previewStat),

  /** Errnos as for path_open; EINVAL: flags that are unknown or exclude each other. EROFS: a read-only volume. */
  path_filestat_set_times:
    (process) =>
    (fd: number, lookup: number, path: number, length: number, accessed: bigint, modified: bigint, flags: number) => {
      const directory = directoryOf(process, fd, Rights.PATH_FILESTAT_SET_TIMES);
      if (typeof directory === "number") return directory;
      const times = fileTimes(flags, accessed, modified);
      if (typeof times === "number") return times;
      if (directory.readOnly) return Errno.ROFS;
      return withNamed(process, { fd, lookup, path, length }, Rights.PATH_FILESTAT_SET_TIMES, (named) => {
        process.beforeEffect();
        return sys.utimensat(named, NOTHING, times, AT_EMPTY_PATH);
      });
    },
};

/** What differs in `wasi_unstable`. */
export const unstablePathStatFunctions: FunctionTable = {
  path_filestat_get: (process) => (fd: number, lookup: number, path: number, length: number, result: number) =>
    getStat(process, { fd, lookup, path, length }, result, unstableStat),
};

interface Name {
  readonly fd: number;
  readonly lookup: number;
  readonly path: number;
  readonly length: number;
}

function getStat(process: GuestProcess, name: Name, result: number, layout: StatLayout): number {
  if (!process.memory.has(result >>> 0, layout.bytes)) return Errno.FAULT;
  return withNamed(process, name, Rights.PATH_FILESTAT_GET, (named) => {
    const known = stat.ofDescriptor(named);
    if (known >= 0) layout.write(process.memory, result >>> 0, stat);
    return known;
  });
}

/** Opens what a path names (the symlink itself when it is not to be followed) without a right to its content, and closes it. */
function withNamed(process: GuestProcess, name: Name, rights: number, use: (named: number) => number): number {
  const directory = directoryOf(process, name.fd, rights);
  if (typeof directory === "number") return directory;
  const path = guestPath(process, name.path, name.length);
  if (typeof path === "number") return path;
  const flags = Open.PATH | ((name.lookup & SYMLINK_FOLLOW) === 0 ? Open.NO_FOLLOW : 0);
  const named = process.settings.openBeneath(directory.hostFd, path, flags, 0);
  if (named < 0) return pathErrno(named);
  try {
    return pathErrno(use(named));
  } finally {
    closeDescriptor(named);
  }
}
