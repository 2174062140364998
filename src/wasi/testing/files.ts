// File functions in the shape in which tests ask for them.
import { Errno } from "../preview1/errno.ts";
import { TestGuest } from "./guest.ts";

export const OpenFlag = { CREATE: 1, DIRECTORY: 2, EXCLUSIVE: 4, TRUNCATE: 8 } as const;
/** Every right there is. */
export const ALL_RIGHTS = 0x1fff_ffffn;

export interface OpenOptions {
  /** Whether a symlink at the end is followed. @default true */
  readonly follow?: boolean;
  readonly openFlags?: number;
  /** @default ALL_RIGHTS */
  readonly rights?: bigint;
  /** @default ALL_RIGHTS */
  readonly inheriting?: bigint;
  readonly fdFlags?: number;
}

export interface Stat {
  readonly device: bigint;
  readonly inode: bigint;
  readonly type: number;
  readonly links: bigint;
  readonly size: bigint;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** Path as a guest passes it. */
type GuestPath = string | Uint8Array;

/** A guest that works with files. Functions that answer nothing else answer their errno. */
export class FileGuest extends TestGuest {
  /** The new descriptor, or minus the errno. */
  open(fd: number, path: GuestPath, options: OpenOptions = {}): number {
    const { follow = true, openFlags = 0, rights = ALL_RIGHTS, inheriting = ALL_RIGHTS, fdFlags = 0 } = options;
    const result = this.room(4);
    const lookup = follow ? 1 : 0;
    const errno = this.call("path_open", fd, lookup, ...this.put(path), openFlags, rights, inheriting, fdFlags, result);
    return errno === Errno.SUCCESS ? this.view.getUint32(result, true) : -errno;
  }

  close(fd: number): number {
    return this.call("fd_close", fd);
  }

  /** What a read of at most `length` bytes gives, or minus the errno. */
  read(fd: number, length = 1000): string | number {
    const size = this.room(4);
    const buffer = this.room(length);
    const errno = this.call("fd_read", fd, ...this.iovecs([buffer, length]), size);
    if (errno !== Errno.SUCCESS) return -errno;
    return this.bytes.toString("utf8", buffer, buffer + this.view.getUint32(size, true));
  }

  /** Bytes written, or minus the errno. */
  write(fd: number, content: string): number {
    const size = this.room(4);
    const errno = this.call("fd_write", fd, ...this.iovecs(this.put(content)), size);
    return errno === Errno.SUCCESS ? this.view.getUint32(size, true) : -errno;
  }

  /** What a path names, or its errno. */
  stat(fd: number, path: GuestPath, { follow = true } = {}): Stat | number {
    const result = this.room(64);
    const errno = this.call("path_filestat_get", fd, follow ? 1 : 0, ...this.put(path), result);
    return errno === Errno.SUCCESS ? statAt(this.view, result) : errno;
  }

  /** What is open, or its errno. */
  fdStat(fd: number): Stat | number {
    const result = this.room(64);
    const errno = this.call("fd_filestat_get", fd, result);
    return errno === Errno.SUCCESS ? statAt(this.view, result) : errno;
  }

  /** Sets the time of modification (in nanoseconds). */
  setTimes(fd: number, path: GuestPath, { follow = true, modifiedNs = 1n } = {}): number {
    return this.call("path_filestat_set_times", fd, follow ? 1 : 0, ...this.put(path), 0n, modifiedNs, 4);
  }

  createDirectory(fd: number, path: GuestPath): number {
    return this.call("path_create_directory", fd, ...this.put(path));
  }

  removeDirectory(fd: number, path: GuestPath): number {
    return this.call("path_remove_directory", fd, ...this.put(path));
  }

  unlink(fd: number, path: GuestPath): number {
    return this.call("path_unlink_file", fd, ...this.put(path));
  }

  rename(fromFd: number, from: GuestPath, toFd: number, to: GuestPath): number {
    return this.call("path_rename", fromFd, ...this.put(from), toFd, ...this.put(to));
  }

  link(fromFd: number, from: GuestPath, toFd: number, to: GuestPath, { follow = false } = {}): number {
    return this.call("path_link", fromFd, follow ? 1 : 0, ...this.put(from), toFd, ...this.put(to));
  }

  symlink(target: GuestPath, fd: number, path: GuestPath): number {
    return this.call("path_symlink", ...this.put(target), fd, ...this.put(path));
  }

  /** Where a symlink leads, or the errno. */
  readlink(fd: number, path: GuestPath, length = 4096): string | number {
    const size = this.room(4);
    const buffer = this.room(length);
    const errno = this.call("path_readlink", fd, ...this.put(path), buffer, length, size);
    if (errno !== Errno.SUCCESS) return errno;
    return this.bytes.toString("utf8", buffer, buffer + this.view.getUint32(size, true));
  }

  /** Names in a folder from a cookie on, as far as they fit, or minus the errno. */
  list(fd: number, { length = 32_768, cookie = 0n } = {}): readonly Entry[] | number {
    const size = this.room(4);
    const buffer = this.room(length);
    const errno = this.call("fd_readdir", fd, buffer, length, cookie, size);
    if (errno !== Errno.SUCCESS) return -errno;
    return entriesIn(this.bytes.subarray(buffer, buffer + this.view.getUint32(size, true)));
  }
}

/** One whole entry of a listing. */
export interface Entry {
  readonly next: bigint;
  readonly inode: bigint;
  readonly type: number;
  readonly name: string;
}

function entriesIn(bytes: Buffer): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at + 24 <= bytes.length;) {
    const length = bytes.readUInt32LE(at + 16);
    if (at + 24 + length > bytes.length) break;
    entries.push({
      next: bytes.readBigUInt64LE(at),
      inode: bytes.readBigUInt64LE(at + 8),
      type: bytes.readUInt8(at + 20),
      name: bytes.toString("utf8", at + 24, at + 24 + length),
    });
    at += 24 + length;
  }
  return entries;
}

function statAt(view: DataView, pointer: number): Stat {
  return {
    device: view.getBigUint64(pointer, true),
    inode: view.getBigUint64(pointer + 8, true),
    type: view.getUint8(pointer + 16),
    links: view.getBigUint64(pointer + 24, true),
    size: view.getBigUint64(pointer + 32, true),
    accessedNs: view.getBigUint64(pointer + 40, true),
    modifiedNs: view.getBigUint64(pointer + 48, true),
    changedNs: view.getBigUint64(pointer + 56, true),
  };
}
