/** One record of a container's log file. */
export interface LogRecord {
  /** RFC 3339 with nanoseconds, as in the file. */
  readonly timestamp: string;
  readonly stream: LogStream;
  readonly text: string;
  /** The line goes on in the stream's next record. */
  readonly isPartial: boolean;
}

export type LogStream = "stdout" | "stderr";

/** Longest text of a record; longer lines become several, all but the last tagged `P`. What log agents expect of CRI runtimes. */
export const MAX_RECORD_BYTES = 16 * 1024;

const NEWLINE = 0x0a;

/** RFC 3339 with nine digits of fraction, which kubelets and log agents parse, from milliseconds since 1970. */
export function formatTimestamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace("Z", "000000Z");
}

/** Records as they go into the file, and how many they are. */
export interface EncodedRecords {
  readonly bytes: Buffer;
  readonly count: number;
}

/**
 * Turns one stream's bytes into CRI log records, `<timestamp> <stream> <F|P> <text>\n`. Holds back a line without its newline
 * (at most `MAX_RECORD_BYTES`) until more comes or `end` is called.
 */
export class LineEncoder {
  readonly #stream: LogStream;
  /** Made when a line has to be held back: a node has thousands of containers that print nothing. */
  #pending: Buffer | undefined;
  #length = 0;

  constructor(stream: LogStream) {
    this.#stream = stream;
  }

  /** Complete records of `bytes`, each stamped `timestamp`. */
  encode(bytes: Uint8Array, timestamp: string): EncodedRecords {
    const out = new RecordWriter(`${timestamp} ${this.#stream} `, bytes, this.#length);
    let at = 0;
    while (at < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = Math.min(newline < 0 ? bytes.length : newline, at + MAX_RECORD_BYTES - this.#length);
      const part = bytes.subarray(at, end);
      at = end;
      if (at === newline) {
        this.#take("F", part, out);
        at++;
      } else if (this.#length + part.length === MAX_RECORD_BYTES && at < bytes.length) this.#take("P", part, out);
      else this.#hold(part);
    }
    return out.finish();
  }

  /** The line that never got its newline, if there is one. */
  end(timestamp: string): EncodedRecords {
    const out = new RecordWriter(`${timestamp} ${this.#stream} `, new Uint8Array(0), this.#length);
    if (this.#length > 0) this.#take("F", new Uint8Array(0), out);
    return out.finish();
  }

  /** Writes what was held back and `part` as one record. */
  #take(tag: "F" | "P", part: Uint8Array, out: RecordWriter): void {
    if (this.#length === 0) {
      out.write(tag, part);
      return;
    }
    out.write(tag, this.#hold(part));
    this.#pending = undefined;
    this.#length = 0;
  }

  /** Answers all that is held back now. */
  #hold(part: Uint8Array): Uint8Array {
    this.#pending ??= Buffer.allocUnsafeSlow(MAX_RECORD_BYTES);
    this.#pending.set(part, this.#length);
    this.#length += part.length;
    return this.#pending.subarray(0, this.#length);
  }
}

/** Writes records into one buffer: a chunk of empty lines must not become a hundred thousand small ones. */
class RecordWriter {
  readonly #prefix: Buffer;
  readonly #out: Buffer;
  #length = 0;
  #count = 0;

  constructor(prefix: string, bytes: Uint8Array, pendingBytes: number) {
    this.#prefix = Buffer.from(prefix);
    const records = countNewlines(bytes) + Math.ceil((pendingBytes + bytes.length) / MAX_RECORD_BYTES) + 1;
    this.#out = Buffer.allocUnsafe(pendingBytes + bytes.length + records * (this.#prefix.length + "F \n".length));
  }

  write(tag: "F" | "P", text: Uint8Array): void {
    this.#length += this.#prefix.copy(this.#out, this.#length);
    this.#length += this.#out.write(`${tag} `, this.#length, "latin1");
    this.#out.set(text, this.#length);
    this.#length += text.length;
    this.#length = this.#out.writeUInt8(NEWLINE, this.#length);
    this.#count++;
  }

  finish(): EncodedRecords {
    return { bytes: this.#out.subarray(0, this.#length), count: this.#count };
  }
}

function countNewlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

const RECORD = /^(\S+) (stdout|stderr) ([FP])(?::\S*)? (.*)$/s;

/** Reads a record without its newline; undefined for a line that is none (a torn write, another program's output). */
export function parseRecord(line: string): LogRecord | undefined {
  const [, timestamp, stream, tag, text] = RECORD.exec(line) ?? [];
  if (timestamp === undefined || text === undefined) return undefined;
  return { timestamp, stream: stream === "stderr" ? "stderr" : "stdout", text, isPartial: tag === "P" };
}
