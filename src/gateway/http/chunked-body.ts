import { type BodyReader, Collector } from "./body.ts";
import type { ByteQueue } from "./byte-queue.ts";
import { parseFields } from "./header-block.ts";
import type { HttpLimits } from "./limits.ts";
import { RequestRejected } from "./request.ts";

const LF = 10;
const CR = 13;
/** Enough for any body that is allowed, and no room for numbers that lose digits. */
const SIZE_LINE =
  /^([0-9A-Fa-f]{1,10})((?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"[ !#-[\]-~]*"))?)*)$/;
const MAX_SIZE_DIGITS = 10;
const FRAMING_FIELDS: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "host", "connection"]);

type State =
  | { readonly kind: "size" }
  | { readonly kind: "data"; left: number }
  | { readonly kind: "data-end" }
  | { readonly kind: "trailers" };

/**
 * A body in chunks (RFC 9112 §7.1). Extensions must be well formed and are ignored; trailers must be well-formed fields and are
 * ignored, but those about framing are refused.
 */
export class ChunkedBody implements BodyReader {
  readonly #limits: HttpLimits;
  readonly #collector: Collector;
  #state: State = { kind: "size" };
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailerCount = 0;

  constructor(maxBytes: number, limits: HttpLimits) {
    this.#limits = limits;
    this.#collector = new Collector(maxBytes);
  }

  get heldBytes(): number {
    return this.#collector.length;
  }

  read(queue: ByteQueue): Buffer | undefined {
    for (;;) {
      const step = this.#step(queue);
      if (step === "more") return undefined;
      if (step === "end") return this.#collector.bytes();
    }
  }

  #step(queue: ByteQueue): "next" | "more" | "end" {
    const state = this.#state;
    switch (state.kind) {
      case "size":
        return this.#readSize(queue);
      case "data":
        return this.#readData(queue, state);
      case "data-end":
        return this.#readDataEnd(queue);
      case "trailers":
        return this.#readTrailer(queue);
    }
  }

  #readSize(queue: ByteQueue): "next" | "more" {
    const extensionsLeft = this.#limits.maxChunkExtensionBytes - this.#extensionBytes;
    const line = readLine(queue, MAX_SIZE_DIGITS + extensionsLeft, 400);
    if (line === undefined) return "more";
    const [, digits, extensions = ""] = SIZE_LINE.exec(line) ?? [];
    if (digits === undefined) throw new RequestRejected(400, "Bad chunk size line");
    this.#extensionBytes += extensions.length;
    if (extensions.length > extensionsLeft) throw new RequestRejected(400, "Chunk extensions exceed their limit");
    const size = Number.parseInt(digits, 16);
    this.#state = size === 0 ? { kind: "trailers" } : { kind: "data", left: size };
    this.#collector.checkRoom(size);
    return "next";
  }

  #readData(queue: ByteQueue, state: { left: number }): "next" | "more" {
    if (queue.length === 0) return "more";
    const chunk = queue.take(state.left);
    this.#collector.add(chunk);
    state.left -= chunk.length;
    if (state.left === 0) this.#state = { kind: "data-end" };
    return "next";
  }

  #readDataEnd(queue: ByteQueue): "next" | "more" {
    const line = readLine(queue, 0, 400);
    if (line === undefined) return "more";
    this.#state = { kind: "size" };
    return "next";
  }

  #readTrailer(queue: ByteQueue): "next" | "more" | "end" {
    const line = readLine(queue, this.#limits.maxHeaderBytes - this.#trailerBytes, 431);
    if (line === undefined) return "more";
    if (line === "") return "end";
    this.#trailerBytes += line.length + 2;
    this.#trailerCount += 1;
    if (this.#trailerCount > this.#limits.maxHeaderCount) throw new RequestRejected(431, "Too many trailer fields");
    const [field] = parseFields(line, 1);
    if (field && FRAMING_FIELDS.has(field.name)) throw new RequestRejected(400, `Trailer field "${field.name}"`);
    return "next";
  }
}

/** A line without its CRLF, or undefined while it is not all there. Throws RequestRejected for a bare LF, or a line longer than `max`. */
function readLine(queue: ByteQueue, max: number, tooLong: 400 | 431): string | undefined {
  const end = queue.indexOf(LF, 0);
  if (end < 0 && queue.length <= max + 1) return undefined;
  if (end < 0 || end - 1 > max) throw new RequestRejected(tooLong, `Line longer than ${max} bytes in a chunked body`);
  if (queue.at(end - 1) !== CR || end === 0)
    throw new RequestRejected(400, "Line in a chunked body does not end with CRLF");
  const line = queue.text(0, end - 1);
  queue.drop(end + 1);
  return line;
}
