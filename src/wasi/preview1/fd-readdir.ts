import { type DirectoryEntry, FileStat, Open, readEntries, sys } from "../files/index.ts";
import { type DirectoryDescriptor, FileType } from "./descriptor.ts";
import { directoryOf } from "./descriptor-access.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestMemory } from "./guest-memory.ts";
import { Rights } from "./rights.ts";

const DIRENT_BYTES = 24;
const DOT = 0x2e;
const HERE = Uint8Array.from(Buffer.from(".\0"));
/** Preview 1's type by Linux's `d_type`. */
const TYPES: ReadonlyMap<number, number> = new Map([
  [2, FileType.CHARACTER_DEVICE],
  [4, FileType.DIRECTORY],
  [6, FileType.BLOCK_DEVICE],
  [8, FileType.REGULAR_FILE],
  [10, FileType.SYMBOLIC_LINK],
  [12, FileType.SOCKET_STREAM],
]);
const stat = new FileStat();

/** Listing folders. */
export const fdReaddirFunctions: FunctionTable = {
  /**
   * Writes entries from a cookie on (0: the first) until the buffer is full, the last one cut; a smaller count than the buffer's is
   * the end. EBADF: not open. ENOTDIR: no folder. ENOTCAPABLE: no right to. EINVAL: a buffer larger than one call may move.
   * EFAULT: a pointer is outside the memory.
   */
  fd_readdir: (process) => (fd: number, buffer: number, length: number, cookie: bigint, size: number) => {
    buffer >>>= 0;
    length >>>= 0;
    size >>>= 0;
    const directory = directoryOf(process, fd, Rights.FD_READDIR);
    if (typeof directory === "number") return directory;
    const { memory, settings } = process;
    if (!memory.has(buffer, length) || !memory.has(size, 4)) return Errno.FAULT;
    if (length > settings.limits.ioBytes) return Errno.INVAL;
    const result = list(directory, cookie, new EntryBuffer(memory, buffer, length));
    if (result < 0) return errnoOf(result);
    memory.view.setUint32(size, result, true);
    return Errno.SUCCESS;
  },
};

/** Answers the bytes written, or minus a Linux error number. */
function list(directory: DirectoryDescriptor, cookie: bigint, into: EntryBuffer): number {
  if (directory.listingFd < 0) {
    const opened = sys.openat(directory.hostFd, HERE, Open.READ_ONLY | Open.DIRECTORY | Open.CLOSE_ON_EXEC, 0);
    if (opened < 0) return opened;
    directory.listingFd = opened;
  }
  const known = stat.ofDescriptor(directory.hostFd);
  if (known < 0) return known;
  const result = readEntries(directory.listingFd, cookie, (entry) => into.add(entry, stat.inode));
  return result < 0 ? result : into.written;
}

/** Entries in the guest's memory. */
class EntryBuffer {
  readonly #memory: GuestMemory;
  readonly #start: number;
  readonly #length: number;
  written = 0;

  constructor(memory: GuestMemory, start: number, length: number) {
    this.#memory = memory;
    this.#start = start;
    this.#length = length;
  }

  /** Adds an entry, cut where the buffer ends; answers whether there is room for more. */
  add({ name, inode, type, next }: DirectoryEntry, ownInode: bigint): boolean {
    const bytes = Buffer.alloc(DIRENT_BYTES + name.length);
    bytes.writeBigInt64LE(next, 0);
    // The folder above a preopen is none of the guest's business, not even its number.
    bytes.writeBigUInt64LE(isParent(name) ? ownInode : inode, 8);
    bytes.writeUInt32LE(name.length, 16);
    bytes.writeUInt8(TYPES.get(type) ?? FileType.UNKNOWN, 20);
    bytes.set(name, DIRENT_BYTES);
    const room = this.#length - this.written;
    this.#memory.bytes.set(bytes.subarray(0, room), this.#start + this.written);
    this.written += Math.min(bytes.length, room);
    return this.written < this.#length;
  }
}

function isParent(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === DOT && name[1] === DOT;
}
