import ffi from "node:ffi";

type FfiType = "int32" | "uint32" | "int64" | "uint64" | "string" | "buffer" | "pointer";
interface Signature {
  readonly arguments: readonly FfiType[];
  readonly return: "int32" | "int64" | "uint64" | "pointer";
}
type NativeFunction = (...args: readonly (number | bigint | string | Uint8Array | null)[]) => number | bigint;

const SONAMES = ["libc.so.6", "libc.so"] as const;

function open<Name extends string>(signatures: Readonly<Record<Name, Signature>>): Record<Name, NativeFunction> {
  let cause: unknown;
  for (const soname of SONAMES) {
    try {
      return ffi.dlopen(soname, signatures as never).functions;
    } catch (error) {
      cause = error;
    }
  }
  throw new Error("Cannot open the C library through node:ffi; this needs Node 26 on Linux", { cause });
}

/**
 * Opens functions of the C library by their signatures. The border to native code: a wrong signature corrupts memory,
 * so every caller keeps its table small and beside its use.
 */
export function openLibc<Name extends string>(
  signatures: Readonly<Record<Name, Signature>>,
): Record<Name, NativeFunction> {
  return open(signatures);
}

const errnoFunctions = open({ __errno_location: { arguments: [], return: "pointer" } });

/** The calling thread's errno. Read it at once after the failed call: any other call may overwrite it. */
export function errno(): number {
  return ffi.getInt32(errnoFunctions.__errno_location() as bigint);
}

/** Address of a buffer's first byte, valid while the buffer is alive and not detached. */
export function addressOf(buffer: Uint8Array | ArrayBuffer | SharedArrayBuffer): bigint {
  return ffi.getRawPointer(buffer as ArrayBuffer);
}
