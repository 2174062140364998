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
  readonly #pending = Buffer.alloc(MAX_RECORD_BYTES);
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
      this.#pending.set(bytes.subarray(at, end), this.#length);
      this.#length += end - at;
      at = end;
      if (at === newline) {
        this.#take("F", out);
        at++;
      } else if (this.#length === MAX_RECORD_BYTES && at < bytes.length) this.#take("P", out);
    }
    return out.finish();
  }

  /** The line that never got its newline, if there is one. */
  end(timestamp: string): EncodedRecords {
    const out = new RecordWriter(`${timestamp} ${this.#stream} `, new Uint8Array(0), this.#length);
    if (this.#length > 0) this.#take("F", out);
    return out.finish();
  }

  #take(tag: "F" | "P", out: RecordWriter): void {
    out.write(tag, this.#pending.subarray(0, this.#length));
    this.#length = 0;
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
