import { closeSync, writeSync } from "node:fs";
import { addressOf, errno, openLibc } from "../../base/index.ts";

const MADV_DONTNEED = 4;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_FIXED = 0x02 | 0x10;
const MFD_CLOEXEC_ALLOW_SEALING = 0x1 | 0x2;
const F_ADD_SEALS = 1033;
/** SEAL, SHRINK, GROW and WRITE: reading past the end of a mapped file that was shrunk ends the process with SIGBUS. */
const ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8;

type Libc = ReturnType<typeof open>;
let libc: Libc | undefined | null;

function open() {
  return openLibc({
    madvise: { arguments: ["uint64", "uint64", "int32"], return: "int32" },
    mmap: { arguments: ["uint64", "uint64", "int32", "int32", "int32", "int64"], return: "uint64" },
    memfd_create: { arguments: ["string", "uint32"], return: "int32" },
    ftruncate: { arguments: ["int32", "int64"], return: "int32" },
    fcntl: { arguments: ["int32", "int32", "uint64"], return: "int32" },
    getpagesize: { arguments: [], return: "int32" },
  });
}

/** The C library, or undefined where it cannot be called (no `node:ffi`): memories are then copied. */
function native(): Libc | undefined {
  if (libc !== undefined) return libc ?? undefined;
  try {
    libc = open();
  } catch {
    libc = null;
  }
  return libc ?? undefined;
}

/** Whether copy-on-write mappings can be made here. */
export function canMapMemory(): boolean {
  return native() !== undefined;
}

/** Unit of mappings; 4096 where it cannot be asked. */
export function mappingPageBytes(): number {
  return Number(native()?.getpagesize() ?? 4096);
}

/** A part of a snapshot: where it lies in the guest's memory, and its bytes. */
export interface Extent {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A file in memory that holds the extents at their offsets, holes between them, sealed against any change. To be closed with `closeFile`. */
export function createSealedFile(extents: readonly Extent[], sizeBytes: number): number {
  const c = required();
  const fd = Number(c.memfd_create("wasipool-snapshot", MFD_CLOEXEC_ALLOW_SEALING));
  if (fd < 0) throw systemError("memfd_create");
  try {
    if (c.ftruncate(fd, BigInt(sizeBytes)) !== 0) throw systemError("ftruncate");
    for (const { offset, bytes } of extents) writeAll(fd, bytes, offset);
    if (c.fcntl(fd, F_ADD_SEALS, BigInt(ALL_SEALS)) !== 0) throw systemError("fcntl(F_ADD_SEALS)");
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written, offset + written);
}

export function closeFile(fd: number): void {
  closeSync(fd);
}

/** Lays a private mapping of the file over the same range of a Wasm memory: reads see the file until the guest writes. */
export function mapPrivately(buffer: ArrayBuffer, fd: number, offset: number, length: number): void {
  const address = addressOf(buffer) + BigInt(offset);
  const mapped = required().mmap(address, BigInt(length), PROT_READ_WRITE, MAP_PRIVATE_FIXED, fd, BigInt(offset));
  if (mapped !== address) throw systemError("mmap");
}

/** Drops what was written to a range: mapped parts show their file again, all others zeros. Costs about 1.5 us per touched page. */
export function discardWrites(buffer: ArrayBuffer, offset: number, length: number): void {
  const result = required().madvise(addressOf(buffer) + BigInt(offset), BigInt(length), MADV_DONTNEED);
  if (result !== 0) throw systemError("madvise");
}

function required(): Libc {
  const c = native();
  if (!c) throw new Error("Memory cannot be mapped without node:ffi");
  return c;
}

function systemError(call: string): Error {
  return new Error(`${call} failed with errno ${errno()}`);
}
