import { sys } from "./libc.ts";

/** One name in a folder, as the kernel lists it. */
export interface DirectoryEntry {
  readonly name: Uint8Array;
  readonly inode: bigint;
  /** `d_type` of Linux. */
  readonly type: number;
  /** Where the listing goes on after this entry. */
  readonly next: bigint;
}

const SEEK_SET = 0;
const BATCH_BYTES = 32 * 1024;
const batch = Buffer.alloc(BATCH_BYTES);
/** `struct linux_dirent64` before its name. */
const HEADER_BYTES = 19;

/**
 * Gives the entries of an open folder to `take`, from a place that an earlier entry named (0: the first), until `take` answers false
 * or there are no more. Answers 0, or minus a Linux error number. The descriptor's position changes.
 */
export function readEntries(fd: number, from: bigint, take: (entry: DirectoryEntry) => boolean): number {
  const sought = sys.lseek(fd, from, SEEK_SET);
  if (sought < 0n) return Number(sought);
  for (;;) {
    const bytes = sys.getdents(fd, batch);
    if (bytes <= 0) return bytes;
    for (let offset = 0; offset < bytes; offset += batch.readUInt16LE(offset + 16)) {
      if (!take(entryAt(offset))) return 0;
    }
  }
}

function entryAt(offset: number): DirectoryEntry {
  const start = offset + HEADER_BYTES;
  return {
    inode: batch.readBigUInt64LE(offset),
    next: batch.readBigInt64LE(offset + 8),
    type: batch.readUInt8(offset + 18),
    name: Uint8Array.from(batch.subarray(start, batch.indexOf(0, start))),
  };
}
