import type { Clock, Logger } from "../base/index.ts";
import type { ContainerUsage, Notice, Request, ShimErrorCode, StartedRoutes } from "./protocol.ts";
import type { ShimSettings } from "./settings.ts";

/** A shim process as the runtime sees it: one that is always there, because it is started again when it dies. */
export interface ShimClient {
  /** Process id of the shim that runs now; undefined while it is being replaced. */
  readonly pid: number | undefined;
  /**
   * Asks the shim and waits for its reply. Requests are sent in the order of the calls, also across a restart.
   * `fds` are what the operation documents; they stay the caller's and may be closed once the promise has settled
   * (the client keeps duplicates of what it needs to replay). Rejects with `ShimError`.
   */
  request<R extends Request>(request: R, fds?: readonly number[]): Promise<ResultOf<R>>;
  /** Ends the process at once and frees all descriptors; pending requests reject with `ShimError` "closed". Idempotent. */
  close(): Promise<void>;
}

/** What a request of a kind resolves to. */
export type ResultOf<R extends Request> = R extends { readonly op: "start-wagi" }
  ? StartedRoutes
  : R extends { readonly op: "stats" }
    ? ContainerUsage
    : undefined;

/**
 * What the client tells: the shim's notices, and `shim-restarted` after a dead shim was replaced and its state replayed.
 * `exited` comes for every container that ended without being asked for, also for commands that a dead shim took along.
 */
export type ClientNotice =
  | Exclude<Notice, { readonly event: "ready" }>
  | { readonly event: "shim-restarted"; readonly reason: string; readonly downMs: number };

export interface ShimOptions {
  /** Gateway workers, one thread each. @default one per core */
  readonly workers?: number;
  /** Uid and gid of the shim when this process is root; other values than 0. @default 65534 */
  readonly uid?: number;
  readonly gid?: number;
  /**
   * Keeps a second process ready, so that one that dies is replaced in the time of a replay instead of a start; costs its memory
   * (about 100 MB). @default false
   */
  readonly standby?: boolean;
  /** Limits of the whole process. @default those of docs/reference/limits.md */
  readonly settings?: ShimSettings;
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborting it closes the client. */
  readonly signal?: AbortSignal;
  /**
   * Takes notices in order. A promise it answers for a `log` notice is awaited before the shim may send that container more than
   * a window of bytes: this is the back-pressure on commands that print faster than their log is written.
   */
  readonly onNotice: (notice: ClientNotice) => void | Promise<void>;
}

/** A request that the shim refused, or that could not be answered (`closed`: the client was closed). */
export class ShimError extends Error {
  readonly code: ShimErrorCode | "closed";

  constructor(code: ShimErrorCode | "closed", message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ShimError";
    this.code = code;
  }
}
