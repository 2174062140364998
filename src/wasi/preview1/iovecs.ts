import { Errno } from "./errno.ts";
import type { GuestProcess } from "./guest-process.ts";

/** Bytes of one buffer descriptor: pointer and length. */
const IOVEC_BYTES = 8;

/**
 * Checks a list of buffers in the guest's memory before any byte moves.
 * EINVAL: more buffers than the limit. EFAULT: the list or one of its buffers is not inside the memory.
 */
export function checkIovecs(process: GuestProcess, pointer: number, count: number): number {
  const { memory } = process;
  if (count > process.settings.limits.iovecs) return Errno.INVAL;
  if (!memory.has(pointer, count * IOVEC_BYTES)) return Errno.FAULT;
  for (let index = 0; index < count; index++) {
    const at = pointer + index * IOVEC_BYTES;
    if (!memory.has(memory.view.getUint32(at, true), memory.view.getUint32(at + 4, true))) return Errno.FAULT;
  }
  return Errno.SUCCESS;
}

/** Bytes all checked buffers hold, at most what one call may move. */
export function iovecBytes(process: GuestProcess, pointer: number, count: number): number {
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    bytes += process.memory.view.getUint32(pointer + index * IOVEC_BYTES + 4, true);
  }
  return Math.min(bytes, process.settings.limits.ioBytes);
}

/**
 * Gives each buffer of a checked list to `move`, with its offset from the start of the transfer, until `move` moves less than it was
 * given or fails, or the limit of one call is reached. Answers the bytes moved; the failure (below 0) only when nothing was.
 */
export function moveIovecs(
  process: GuestProcess,
  pointer: number,
  count: number,
  move: (buffer: Uint8Array, offset: number) => number,
): number {
  const { memory } = process;
  let left = process.settings.limits.ioBytes;
  let moved = 0;
  for (let index = 0; index < count && left > 0; index++) {
    const at = pointer + index * IOVEC_BYTES;
    const start = memory.view.getUint32(at, true);
    const length = Math.min(memory.view.getUint32(at + 4, true), left);
    if (length === 0) continue;
    const result = move(memory.bytes.subarray(start, start + length), moved);
    if (result < 0) return moved > 0 ? moved : result;
    moved += result;
    if (result < length) break;
    left -= length;
  }
  return moved;
}
