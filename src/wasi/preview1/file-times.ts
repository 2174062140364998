import { Errno } from "./errno.ts";

/** Which times to set and how: `fstflags` of preview 1. */
const Set = { ACCESSED: 1, ACCESSED_NOW: 2, MODIFIED: 4, MODIFIED_NOW: 8 } as const;
const KNOWN = 15;
const UTIME_NOW = 0x3fff_ffffn;
const UTIME_OMIT = 0x3fff_fffen;
const NS_PER_SECOND = 1_000_000_000n;

/** Two `struct timespec` for `utimensat`, or EINVAL: unknown flags, or a time that is to be set twice. */
export function fileTimes(flags: number, accessedNs: bigint, modifiedNs: bigint): Uint8Array | number {
  if ((flags & ~KNOWN) !== 0) return Errno.INVAL;
  if ((flags & (Set.ACCESSED | Set.ACCESSED_NOW)) === (Set.ACCESSED | Set.ACCESSED_NOW)) return Errno.INVAL;
  if ((flags & (Set.MODIFIED | Set.MODIFIED_NOW)) === (Set.MODIFIED | Set.MODIFIED_NOW)) return Errno.INVAL;
  const times = Buffer.alloc(32);
  write(times, 0, flags & Set.ACCESSED, flags & Set.ACCESSED_NOW, accessedNs);
  write(times, 16, flags & Set.MODIFIED, flags & Set.MODIFIED_NOW, modifiedNs);
  return times;
}

function write(times: Buffer, offset: number, isGiven: number, isNow: number, ns: bigint): void {
  const time = BigInt.asUintN(64, ns);
  if (isGiven !== 0) times.writeBigInt64LE(BigInt.asIntN(64, time / NS_PER_SECOND), offset);
  times.writeBigInt64LE(isGiven !== 0 ? time % NS_PER_SECOND : isNow !== 0 ? UTIME_NOW : UTIME_OMIT, offset + 8);
}
