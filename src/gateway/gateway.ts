import type { Account, Guest } from "../engine/index.ts";
import type { Preopen } from "../wasi/index.ts";

/** HTTP for the WAGI pods of one worker thread: connections come in, runs of guests answer them. */
export interface Gateway {
  /** Accepts connections for a sandbox on a listening socket (this worker's own duplicate of it). Returns once it accepts. */
  listen(sandbox: string, fd: number): Promise<void>;
  /** Routes of a sandbox in the order they are tried. Those whose container does not serve answer 503 with `Retry-After`. */
  declareRoutes(sandbox: string, routes: readonly { readonly route: string; readonly container: string }[]): void;
  /** From now on a container answers its routes: those that its module's `_routes` printed first, then its own. */
  serve(sandbox: string, container: ServedContainer): void;
  /** Connections of `from` are answered by `to` from now on; runs under way finish on `from`. */
  takeOver(from: string, to: string): void;
  /** Lame duck: new requests still served with `Connection: close` until quiet or `graceMs` is over; says whether all were answered. */
  stopContainer(sandbox: string, container: string, graceMs: number): Promise<{ readonly drained: boolean }>;
  /** Drains and closes the sandbox's sockets and forgets its routes. */
  removeSandbox(sandbox: string, graceMs: number): Promise<void>;
  counts(container: string): { readonly requests: number; readonly failures: number };
  close(): Promise<void>;
}

export interface ServedContainer {
  readonly id: string;
  /** As in `declareRoutes`: a container that is started again has the same name and another id. */
  readonly name: string;
  readonly guest: Guest;
  readonly account: Account;
  /** In the order they are tried; the module's own route is the last. */
  readonly routes: readonly { readonly route: string; readonly entrypoint: string }[];
  /** `NAME=value` pairs that every request gets before CGI's own variables. */
  readonly env: readonly { readonly key: string; readonly value: string }[];
  /** The container's own arguments, between argv[0] (the request's path) and the items of the query. @default none */
  readonly args?: readonly string[];
  readonly preopens: readonly Preopen[];
  readonly allowedHosts: readonly string[];
  readonly httpMaxConcurrency?: number;
  readonly limits: ServedLimits;
  /** What a guest wrote to standard error, after its run ended; also a line of ours when a run could not be answered as it should. */
  readonly onStderr: (bytes: Uint8Array) => void;
}

export interface ServedLimits {
  /** From the arrival of a request's head to the end of its run. @default 30,000 -> 504 */
  readonly timeoutMs: number;
  /** @default 10 MiB -> 413 */
  readonly maxRequestBodyBytes: number;
  /** @default 32 MiB -> 502 and a log line */
  readonly maxResponseBytes: number;
  /** Bytes before the blank line that ends a module's headers. @default 64 KiB -> 502 and a log line */
  readonly maxResponseHeaderBytes: number;
}
