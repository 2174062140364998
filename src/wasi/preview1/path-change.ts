import { FileStat, LinuxError, sys, withParent } from "../files/index.ts";
import type { DirectoryDescriptor } from "./descriptor.ts";
import { directoryOf } from "./descriptor-access.ts";
import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import { guestPath, isAbsolute } from "./guest-path.ts";
import type { GuestProcess } from "./guest-process.ts";
import { pathErrno } from "./path-errno.ts";
import { Rights } from "./rights.ts";

const AT_REMOVEDIR = 0x200;
const NEW_FOLDER_MODE = 0o777;
const BUSY = -16;
const stat = new FileStat();

/**
 * Making and removing what paths name. All answer: EBADF: not open. ENOTDIR: no folder. ENOTCAPABLE: a right is missing. EPERM: the
 * path leaves the folder. EROFS: a read-only volume. EILSEQ, EINVAL, ENAMETOOLONG, ENOENT: a path that is none. EFAULT: a pointer is
 * outside the memory. EACCES, EEXIST, ENOTEMPTY, ENOSPC and others as the system says.
 */
export const pathChangeFunctions: FunctionTable = {
  /** EEXIST: it is there. */
  path_create_directory: (process) => (fd: number, path: number, length: number) =>
    change(process, { fd, path, length }, Rights.PATH_CREATE_DIRECTORY, (open, directory, bytes) =>
      withParent(open, directory.hostFd, bytes, ({ parentFd, name, isSelf }) =>
        isSelf ? -LinuxError.EXIST : sys.mkdirat(parentFd, name, NEW_FOLDER_MODE),
      ),
    ),

  /** EINVAL: the path ends in `.`. EBUSY: it names a folder by `..`. ENOTDIR: no folder. ENOTEMPTY. */
  path_remove_directory: (process) => (fd: number, path: number, length: number) =>
    change(process, { fd, path, length }, Rights.PATH_REMOVE_DIRECTORY, (open, directory, bytes) =>
      withParent(open, directory.hostFd, bytes, ({ parentFd, name, isSelf }) => {
        if (isSelf) return lastName(bytes) === "." ? -LinuxError.INVAL : BUSY;
        return sys.unlinkat(parentFd, name, AT_REMOVEDIR);
      }),
    ),

  /** EISDIR: a folder. ENOTDIR: a trailing slash behind something else. */
  path_unlink_file: (process) => (fd: number, path: number, length: number) =>
    change(process, { fd, path, length }, Rights.PATH_UNLINK_FILE, (open, directory, bytes) =>
      withParent(open, directory.hostFd, bytes, ({ parentFd, name, isSelf, hasSlash }) => {
        if (isSelf) return -LinuxError.ISDIR;
        if (!hasSlash) return sys.unlinkat(parentFd, name, 0);
        const known = stat.ofName(parentFd, name);
        if (known < 0) return known;
        return stat.target === "directory" ? -LinuxError.ISDIR : -LinuxError.NOTDIR;
      }),
    ),

  /** EPERM: an absolute target, which would name a place outside. A relative one is judged when somebody follows it. */
  path_symlink: (process) => (target: number, targetLength: number, fd: number, path: number, length: number) => {
    const text = guestPath(process, target, targetLength);
    if (typeof text === "number") return text;
    if (isAbsolute(text)) return Errno.PERM;
    return change(process, { fd, path, length }, Rights.PATH_SYMLINK, (open, directory, bytes) =>
      withParent(open, directory.hostFd, bytes, ({ parentFd, name, isSelf, hasSlash }) => {
        if (isSelf) return -LinuxError.EXIST;
        if (!hasSlash) return sys.symlinkat(text, parentFd, name);
        const known = stat.ofName(parentFd, name);
        if (known < 0) return known;
        return stat.target === "directory" ? -LinuxError.EXIST : -LinuxError.NOTDIR;
      }),
    );
  },
};

interface Name {
  readonly fd: number;
  readonly path: number;
  readonly length: number;
}

/** One change at a path of a writable folder. `run` answers as system calls do. */
function change(
  process: GuestProcess,
  name: Name,
  rights: number,
  run: (open: GuestProcess["settings"]["openBeneath"], directory: DirectoryDescriptor, path: Uint8Array) => number,
): number {
  const directory = directoryOf(process, name.fd, rights);
  if (typeof directory === "number") return directory;
  const path = guestPath(process, name.path, name.length);
  if (typeof path === "number") return path;
  if (isAbsolute(path)) return Errno.PERM;
  if (directory.readOnly) return Errno.ROFS;
  process.beforeEffect();
  return pathErrno(run(process.settings.openBeneath, directory, path));
}

function lastName(path: Uint8Array): string {
  const text = Buffer.from(path.subarray(0, path.length - 1)).toString("latin1");
  return text.split("/").findLast((part) => part !== "") ?? "";
}
