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
  encode(bytes: Uint8Array, timestamp: string): Buffer[] {
    const records: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      const room = MAX_RECORD_BYTES - this.#length;
      const newline = bytes.indexOf(NEWLINE, at);
      const end = Math.min(newline < 0 ? bytes.length : newline, at + room);
      this.#length += Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).copy(this.#pending, this.#length);
      at = end;
      if (at === newline) {
        records.push(this.#take("F", timestamp));
        at++;
      } else if (this.#length === MAX_RECORD_BYTES && at < bytes.length) records.push(this.#take("P", timestamp));
    }
    return records;
  }

  /** The line that never got its newline, if there is one. */
  end(timestamp: string): Buffer[] {
    return this.#length > 0 ? [this.#take("F", timestamp)] : [];
  }

  #take(tag: "F" | "P", timestamp: string): Buffer {
    const text = this.#pending.subarray(0, this.#length);
    this.#length = 0;
    return Buffer.concat([Buffer.from(`${timestamp} ${this.#stream} ${tag} `), text, Buffer.of(NEWLINE)]);
  }
}

const RECORD = /^(\S+) (stdout|stderr) ([FP])(?::\S*)? (.*)$/s;

/** Reads a record without its newline; undefined for a line that is none (a torn write, another program's output). */
export function parseRecord(line: string): LogRecord | undefined {
  const [, timestamp, stream, tag, text] = RECORD.exec(line) ?? [];
  if (timestamp === undefined || text === undefined) return undefined;
  return { timestamp, stream: stream === "stderr" ? "stderr" : "stdout", text, isPartial: tag === "P" };
}
