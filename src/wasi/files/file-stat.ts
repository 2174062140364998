import { sys } from "./libc.ts";

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BYTES = 256;
const NS_PER_SECOND = 1_000_000_000n;
const NOTHING = Uint8Array.of(0);

const FORMAT_MASK = 0o170000;
const FORMAT = {
  0o010000: "fifo",
  0o020000: "character-device",
  0o040000: "directory",
  0o060000: "block-device",
  0o100000: "file",
  0o120000: "symlink",
  0o140000: "socket",
} as const;

/** What a name or descriptor stands for. */
export type StatTarget = (typeof FORMAT)[keyof typeof FORMAT] | "unknown";

/** What the kernel tells of a file, in a buffer that is used again at each call. */
export class FileStat {
  readonly #bytes = Buffer.alloc(STATX_BYTES);

  /** Reads a descriptor's. Answers 0, or minus a Linux error number. */
  ofDescriptor(fd: number): number {
    return sys.statx(fd, NOTHING, AT_EMPTY_PATH, STATX_BASIC_STATS, this.#bytes);
  }

  /** Reads that of a name in an open folder; a symlink's own. */
  ofName(dirFd: number, name: Uint8Array): number {
    return sys.statx(dirFd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, this.#bytes);
  }

  get target(): StatTarget {
    const format = this.#bytes.readUInt16LE(28) & FORMAT_MASK;
    return FORMAT[format as keyof typeof FORMAT] ?? "unknown";
  }

  get links(): number {
    return this.#bytes.readUInt32LE(16);
  }

  get inode(): bigint {
    return this.#bytes.readBigUInt64LE(32);
  }

  get size(): bigint {
    return this.#bytes.readBigUInt64LE(40);
  }

  /** Major and minor number as one. */
  get device(): bigint {
    return (BigInt(this.#bytes.readUInt32LE(136)) << 32n) | BigInt(this.#bytes.readUInt32LE(140));
  }

  get accessedNs(): bigint {
    return this.#timeAt(64);
  }

  get changedNs(): bigint {
    return this.#timeAt(96);
  }

  get modifiedNs(): bigint {
    return this.#timeAt(112);
  }

  #timeAt(offset: number): bigint {
    return this.#bytes.readBigInt64LE(offset) * NS_PER_SECOND + BigInt(this.#bytes.readUInt32LE(offset + 8));
  }
}
