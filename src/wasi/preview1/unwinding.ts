/**
 * Thrown by `proc_exit` through the guest. One object per host, so that leaving costs no stack trace: `code` holds until the
 * host's next run.
 */
export class ProcExit extends Error {
  /** Exit code, 0 to 2^32 - 1. */
  code = 0;

  constructor() {
    super("The guest called proc_exit");
    this.name = "ProcExit";
  }
}

/**
 * Thrown in mode "fast" before anything happened that a second run could not repeat: the run must be thrown away and started again
 * where it can wait.
 */
export class WouldBlock extends Error {
  /** "wait": the guest has to wait. "effect": it is about to change a file or folder, which must not happen twice. */
  readonly reason: "wait" | "effect";

  constructor(reason: "wait" | "effect") {
    super(reason === "wait" ? "The guest has to wait" : "The guest is about to change a file");
    this.name = "WouldBlock";
    this.reason = reason;
  }
}
