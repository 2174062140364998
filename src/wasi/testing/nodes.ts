import { openLibc } from "../../base/index.ts";

const libc = openLibc({
  mkfifo: { arguments: ["string", "uint32"], return: "int32" },
  mknod: { arguments: ["string", "uint32", "uint64"], return: "int32" },
});

const CHARACTER_DEVICE = 0o020000;
/** Major 1, minor 5: /dev/zero. */
const ZERO = 0x105n;

/** Makes a FIFO. */
export function makeFifo(path: string): void {
  if (Number(libc.mkfifo(path, 0o600)) !== 0) throw new Error(`Cannot make the FIFO ${path}`);
}

/** Makes a device that reads as zeroes. Only root may. */
export function makeZeroDevice(path: string): void {
  if (Number(libc.mknod(path, CHARACTER_DEVICE | 0o600, ZERO)) !== 0) throw new Error(`Cannot make the device ${path}`);
}
