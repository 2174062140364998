/** Bounds of one guest's host calls, so that none of them holds the thread or the node's resources for long. */
export interface WasiLimits {
  /**
   * Files and folders a guest has opened at one time; more answer EMFILE. Guards the process's descriptors; listing a folder costs
   * a second one, not counted here. @default 256
   */
  readonly openFiles: number;
  /** Bytes moved by one read or write; such calls may answer a smaller count. @default 1 MiB */
  readonly ioBytes: number;
  /** Buffers in one vectored read or write; more answer EINVAL. @default 1024 */
  readonly iovecs: number;
  /** Subscriptions in one `poll_oneoff`; more answer EINVAL. @default 1024 */
  readonly subscriptions: number;
  /** Bytes of random data made without letting others run. @default 1 MiB */
  readonly randomBytes: number;
  /** Bytes of all arguments, and of all environment variables; more answer E2BIG. @default 1 MiB */
  readonly stringBytes: number;
}

export const DEFAULT_WASI_LIMITS: WasiLimits = {
  openFiles: 256,
  ioBytes: 1024 * 1024,
  iovecs: 1024,
  subscriptions: 1024,
  randomBytes: 1024 * 1024,
  stringBytes: 1024 * 1024,
};

/** Longest path in bytes, the kernel's own limit with its final NUL; longer ones answer ENAMETOOLONG. */
export const MAX_PATH_BYTES = 4096;
