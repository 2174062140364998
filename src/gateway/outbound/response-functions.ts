import type { HostFunction } from "../../engine/index.ts";
import { headerOf } from "./call.ts";
import { CallFailure, CODE, type Code } from "./failure.ts";
import { type ArgumentLimit, GuestBytes } from "./guest-bytes.ts";
import type { OpenResponse, OutboundRun } from "./run.ts";

/** Most that one call copies, so that it does not hold the thread; less than was asked for is not the end. */
const MAX_PIECE_BYTES = 1024 * 1024;
/** Bytes of a `u32` result. */
const U32 = 4;
/** Anything but a tab, and the printable and upper halves of Latin-1. */
const CONTROL = /[^\t\x20-\x7e\x80-\xff]/;
/** No header of an answer has a longer name. */
const NAME: ArgumentLimit = { maxBytes: 64 * 1024, code: CODE.headerNotFound, what: "the header's name" };

/** The functions that read an answer. None of them waits. */
export function responseFunctions(
  memory: WebAssembly.Memory,
  run: () => OutboundRun,
): Readonly<Record<string, HostFunction>> {
  return {
    close: (handle) => {
      run().closeResponse(handle >>> 0);
      return CODE.ok;
    },
    header_get: (handle, name, nameLength, buffer, length, written) =>
      answering(memory, (bytes) => {
        const response = open(run(), handle);
        const value = headerOf(response, bytes.readText(name, nameLength, NAME).toLowerCase());
        if (value === undefined) throw new CallFailure(CODE.headerNotFound, "the answer has no such header");
        writeAll(bytes, Buffer.from(value, "latin1"), buffer, length, written);
      }),
    headers_get_all: (handle, buffer, length, written) =>
      answering(memory, (bytes) => {
        const { headers } = open(run(), handle);
        if (headers.some(([, value]) => CONTROL.test(value))) {
          throw new CallFailure(CODE.runtimeError, "a header's value holds control characters");
        }
        const text = headers.map(([name, value]) => `${name}:${value}\n`).join("");
        writeAll(bytes, Buffer.from(text, "latin1"), buffer, length, written);
      }),
    body_read: (handle, buffer, length, written) =>
      answering(memory, (bytes) => {
        const response = open(run(), handle);
        const most = Math.min(length >>> 0, MAX_PIECE_BYTES);
        const piece = response.body.subarray(response.offset, response.offset + most);
        bytes.requireRoom(buffer, piece.length);
        bytes.requireRoom(written, U32);
        bytes.write(buffer, piece);
        bytes.writeU32(written, piece.length);
        response.offset += piece.length;
      }),
  };
}

/** Runs a function on the guest's memory; what it throws as `CallFailure` is the guest's answer. */
function answering(memory: WebAssembly.Memory, run: (bytes: GuestBytes) => void): Code {
  try {
    run(new GuestBytes(memory));
    return CODE.ok;
  } catch (error) {
    if (error instanceof CallFailure) return error.code;
    throw error;
  }
}

function open(run: OutboundRun, handle: number): OpenResponse {
  const response = run.response(handle >>> 0);
  if (!response) throw new CallFailure(CODE.invalidHandle, "no answer is open under this handle");
  return response;
}

/** Throws `CallFailure` 4 when the guest's buffer is too short, 3 when it is not in its memory. */
function writeAll(bytes: GuestBytes, value: Buffer, buffer: number, length: number, written: number): void {
  if (value.length > length >>> 0) throw new CallFailure(CODE.bufferTooSmall, "the buffer is too small");
  bytes.requireRoom(buffer, value.length);
  bytes.requireRoom(written, U32);
  bytes.write(buffer, value);
  bytes.writeU32(written, value.length);
}
