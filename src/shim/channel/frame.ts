import { concatBytes } from "../../base/index.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * One message on the stream between runtime and shim: two lengths (32 bit, little-endian), a header in JSON and a binary tail.
 * A side that breaks the form is cut off: its next bytes could mean anything.
 */
export interface Frame {
  readonly header: unknown;
  readonly tail: Uint8Array;
}

/** Largest header in bytes. The other side may be hostile; the largest honest one holds a layout with thousands of globals. */
export const MAX_HEADER_BYTES = 4 * 1024 * 1024;
/** Largest tail in bytes: one piece of log output. */
export const MAX_TAIL_BYTES = 1024 * 1024;

const LENGTHS_BYTES = 8;

/** The bytes of a frame. Throws `ProtocolError` when it is larger than the other side would take. */
export function encodeFrame(header: unknown, tail: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(LENGTHS_BYTES);
  checkLengths(text.length, tail.length);
  lengths.writeUInt32LE(text.length, 0);
  lengths.writeUInt32LE(tail.length, 4);
  return Buffer.concat([lengths, text, tail]);
}

/** Cuts a byte stream into frames. Holds at most one incomplete frame. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** Bytes needed before anything can be cut off. */
  #needed = LENGTHS_BYTES;

  /** Frames that are complete with `chunk`. Throws `ProtocolError` for lengths beyond the limits and for what is not JSON. */
  push(chunk: Uint8Array): Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: Frame[] = [];
    while (this.#held >= this.#needed) {
      const frame = this.#cut();
      if (frame) frames.push(frame);
    }
    return frames;
  }

  #cut(): Frame | undefined {
    const whole = concatBytes(this.#chunks);
    const bytes = Buffer.from(whole.buffer, whole.byteOffset, whole.length);
    const headerBytes = bytes.readUInt32LE(0);
    const tailBytes = bytes.readUInt32LE(4);
    checkLengths(headerBytes, tailBytes);
    const end = LENGTHS_BYTES + headerBytes + tailBytes;
    if (bytes.length < end) {
      this.#keep(bytes, end);
      return undefined;
    }
    this.#keep(bytes.subarray(end), LENGTHS_BYTES);
    const tailStart = LENGTHS_BYTES + headerBytes;
    return {
      header: parseJson(bytes.toString("utf8", LENGTHS_BYTES, tailStart)),
      tail: Uint8Array.from(bytes.subarray(tailStart, end)),
    };
  }

  #keep(bytes: Uint8Array, needed: number): void {
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#held = bytes.length;
    this.#needed = needed;
  }
}

function checkLengths(headerBytes: number, tailBytes: number): void {
  if (headerBytes > MAX_HEADER_BYTES || tailBytes > MAX_TAIL_BYTES) {
    throw new ProtocolError(
      `A message of ${headerBytes} + ${tailBytes} bytes is larger than ${MAX_HEADER_BYTES} + ${MAX_TAIL_BYTES}`,
    );
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError("The header of a message is not JSON", { cause });
  }
}
