import { randomFillSync } from "node:crypto";
import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import { WouldBlock } from "./unwinding.ts";

/** A call into the generator costs more than the bytes most guests ask for, so they come from a pool; no byte is handed out twice. */
const pool = new Uint8Array(4096);
const LARGEST_FROM_POOL = 256;
let used = pool.length;

/** Random data from the operating system's generator. */
export const randomFunctions: FunctionTable = {
  /** Fills a buffer. Large ones are filled piece by piece; between pieces others run. EFAULT: the buffer is not inside the memory. */
  random_get: (process) => (pointer: number, length: number) => {
    pointer >>>= 0;
    length >>>= 0;
    if (!process.memory.has(pointer, length)) return Errno.FAULT;
    if (length <= LARGEST_FROM_POOL) return fillFromPool(process.memory.bytes, pointer, length);
    if (length <= process.settings.limits.randomBytes) return fill(process, pointer, length);
    return fillInPieces(process, pointer, length);
  },
};

function fillFromPool(bytes: Uint8Array, pointer: number, length: number): number {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  for (let index = 0; index < length; index++) {
    bytes[pointer + index] = pool[used] as number;
    pool[used++] = 0;
  }
  return Errno.SUCCESS;
}

function fill(process: GuestProcess, pointer: number, length: number): number {
  randomFillSync(process.memory.bytes, pointer, length);
  return Errno.SUCCESS;
}

function fillInPieces(process: GuestProcess, pointer: number, length: number): number | Promise<number> {
  const { mode } = process.settings;
  if (mode === "fast") throw new WouldBlock("wait");
  if (mode === "sliced") return fillYielding(process, pointer, length);
  for (let done = 0; done < length; done += piece(process, length - done)) {
    fill(process, pointer + done, piece(process, length - done));
  }
  return Errno.SUCCESS;
}

async function fillYielding(process: GuestProcess, pointer: number, length: number): Promise<number> {
  for (let done = 0; done < length; done += piece(process, length - done)) {
    // The memory may have grown while others ran: its old views are gone.
    if (!process.memory.has(pointer, length)) return Errno.FAULT;
    fill(process, pointer + done, piece(process, length - done));
    await process.suspend(new Promise<void>((resolve) => void setImmediate(resolve)));
  }
  return Errno.SUCCESS;
}

function piece(process: GuestProcess, rest: number): number {
  return Math.min(rest, process.settings.limits.randomBytes);
}
