/** Where a guest's standard input comes from. */
export interface ByteSource {
  /** Next bytes (at most `max`), an empty array at the end, or a promise when they are not there yet. */
  read(max: number): Uint8Array | Promise<Uint8Array>;
}

/** Where a guest's standard output and error go. */
export interface ByteSink {
  /** Takes a copy of `bytes`. Throws `SinkFull` when its limit is reached: the run then ends. */
  write(bytes: Uint8Array): void;
}

/** A folder a guest may use, under a name of its own. The descriptor belongs to whoever made the preopen. */
export interface Preopen {
  /** Path in the guest, such as `/config`. */
  readonly guestPath: string;
  /** Opened folder. */
  readonly fd: number;
  readonly readOnly: boolean;
}

/** What one run of a guest is given. */
export interface WasiProcess {
  /** Without the final NUL. */
  readonly args: readonly Uint8Array[];
  /** `NAME=value`, without the final NUL. */
  readonly env: readonly Uint8Array[];
  readonly stdin: ByteSource;
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  /** In the order of their descriptors, from 3. */
  readonly preopens: readonly Preopen[];
}

/** Thrown by a sink whose limit is reached. */
export class SinkFull extends Error {
  readonly limitBytes: number;

  constructor(limitBytes: number) {
    super(`Output exceeds its limit of ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}
