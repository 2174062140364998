import { Errno } from "./errno.ts";
import type { GuestProcess } from "./guest-process.ts";

/**
 * The two calls by which a guest asks for a list of strings: how many and how many bytes, then pointers and NUL-terminated bytes.
 * Arguments and environment work alike.
 */
export function stringSizes(
  process: GuestProcess,
  strings: readonly Uint8Array[],
  countPointer: number,
  bytesPointer: number,
): number {
  const { memory } = process;
  countPointer >>>= 0;
  bytesPointer >>>= 0;
  if (!memory.has(countPointer, 4) || !memory.has(bytesPointer, 4)) return Errno.FAULT;
  const bytes = totalBytes(strings);
  if (bytes > process.settings.limits.stringBytes) return Errno.TOOBIG;
  memory.view.setUint32(countPointer, strings.length, true);
  memory.view.setUint32(bytesPointer, bytes, true);
  return Errno.SUCCESS;
}

/** Writes the pointers and the bytes. */
export function copyStrings(
  process: GuestProcess,
  strings: readonly Uint8Array[],
  pointers: number,
  buffer: number,
): number {
  const { memory } = process;
  pointers >>>= 0;
  buffer >>>= 0;
  const total = totalBytes(strings);
  if (total > process.settings.limits.stringBytes) return Errno.TOOBIG;
  if (!memory.has(pointers, strings.length * 4) || !memory.has(buffer, total)) return Errno.FAULT;
  const { bytes, view } = memory;
  for (const string of strings) {
    view.setUint32(pointers, buffer, true);
    pointers += 4;
    bytes.set(string, buffer);
    buffer += string.length;
    bytes[buffer++] = 0;
  }
  return Errno.SUCCESS;
}

function totalBytes(strings: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const string of strings) bytes += string.length + 1;
  return bytes;
}
