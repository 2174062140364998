import type { Clock, Logger } from "../../base/index.ts";
import { type EncodedRecords, formatTimestamp, LineEncoder, type LogStream } from "./format.ts";
import { LogFile, type Rotation } from "./log-file.ts";

/** Bytes of one container's records that may wait for the disk; beyond it the container waits. */
export const MAX_WAITING_BYTES = 1024 * 1024;

export interface ContainerLogOptions {
  readonly path: string;
  readonly rotation: Rotation;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Writes a container's output to its log file in order. A disk that is full stops nobody: records that cannot be written are
 * counted, said once on the runtime's own log, and once in the file when it can be written again.
 */
export class ContainerLog implements AsyncDisposable {
  readonly #options: ContainerLogOptions;
  readonly #encoders: Readonly<Record<LogStream, LineEncoder>> = {
    stdout: new LineEncoder("stdout"),
    stderr: new LineEncoder("stderr"),
  };
  #file: LogFile | undefined;
  #waiting: EncodedRecords[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | undefined;
  #dropped = 0;
  /** Why the last records were dropped. */
  #fault = "";
  #isClosed = false;

  constructor(options: ContainerLogOptions) {
    this.#options = options;
  }

  /** Records that could not be written since the last one that could. */
  get droppedRecords(): number {
    return this.#dropped;
  }

  /** Makes the file before the container runs, so that a reader finds it. Throws what the file system says. */
  async open(): Promise<void> {
    this.#file ??= await LogFile.open(this.#options.path, this.#options.rotation);
  }

  /** Takes a copy. Answers a promise when the caller should wait before it sends more. */
  write(stream: LogStream, bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    this.#enqueue(this.#encoders[stream].encode(bytes, this.#timestamp()));
    return this.#waitingBytes > MAX_WAITING_BYTES ? this.#writing : undefined;
  }

  /** Writes what is left, also lines without a newline, and closes the file. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return this.#writing;
    this.#isClosed = true;
    for (const encoder of Object.values(this.#encoders)) this.#enqueue(encoder.end(this.#timestamp()));
    await this.#writing;
    await this.#file?.[Symbol.asyncDispose]();
    this.#file = undefined;
  }

  #timestamp(): string {
    return formatTimestamp(this.#options.clock.now());
  }

  #enqueue(records: EncodedRecords): void {
    if (records.count === 0) return;
    this.#waiting.push(records);
    this.#waitingBytes += records.bytes.length;
    this.#writing ??= this.#writeWaiting();
  }

  async #writeWaiting(): Promise<void> {
    // Let a burst of small writes become one call.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const records = this.#waiting;
      this.#waiting = [];
      this.#waitingBytes = 0;
      await this.#writeRecords(records);
    }
    this.#writing = undefined;
  }

  async #writeRecords(records: readonly EncodedRecords[]): Promise<void> {
    try {
      await this.open();
      const told = this.#dropped > 0 ? [this.#droppedRecord()] : [];
      await this.#file?.append(
        Buffer.concat([...told, ...records.map(({ bytes }) => bytes)]),
        this.#options.clock.now(),
      );
      this.#dropped = 0;
    } catch (error) {
      if (this.#dropped === 0)
        this.#options.log.error("container log cannot be written", { path: this.#options.path, error: String(error) });
      this.#fault = faultOf(error);
      this.#dropped += records.reduce((sum, { count }) => sum + count, 0);
    }
  }

  #droppedRecord(): Buffer {
    return Buffer.from(`${this.#timestamp()} stderr F wasipool: ${this.#dropped} lines were lost: ${this.#fault}\n`);
  }
}

/** For the container's own log, whose readers need not know the node's paths. */
function faultOf(error: unknown): string {
  const { code = "EIO" } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT" ? "the disk was full" : `the log could not be written (${code})`;
}
