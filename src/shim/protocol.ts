/**
 * Messages between the runtime and a shim process. Both sides treat the other's as untrusted input: parsed, bounded, never eval'ed.
 * Descriptors travel beside them (SCM_RIGHTS) and are named by the order in which they were sent with a message.
 */
import type { StateLayout } from "../wasm/index.ts";

/** What the runtime asks. Each gets one `Reply` with the same id. */
export type Request =
  /** Module bytes of a digest, instrumented; fds: [file with the bytes]. Loading a known digest again is fine. */
  | { readonly op: "load-module"; readonly digest: string; readonly layout: StateLayout }
  | { readonly op: "unload-module"; readonly digest: string }
  /** A pod's listening socket, answering with the routes of that sandbox; fds: [listening socket]. */
  | { readonly op: "listen"; readonly sandbox: string; readonly url: string }
  /** From now on connections of `from`'s sockets are answered by `to`; runs under way finish on `from`. Atomic per worker. */
  | { readonly op: "take-over"; readonly from: string; readonly to: string }
  /** Every route of a sandbox in order, also of containers that do not run yet (they answer 503). */
  | { readonly op: "declare-routes"; readonly sandbox: string; readonly routes: readonly DeclaredRoute[] }
  /** Loads the module in every worker, warms it, asks `_routes`, then serves. fds: [folder of each mount…]. */
  | { readonly op: "start-wagi"; readonly sandbox: string; readonly container: ContainerSpec; readonly wagi: WagiSpec }
  /** Runs `_start` in a worker of its own. fds: [folder of each mount…]. Its end is told by `exited`. */
  | { readonly op: "start-command"; readonly sandbox: string; readonly container: ContainerSpec }
  /** Lame duck for WAGI, an end for a command after `graceMs`. Its end is told by `exited`. */
  | { readonly op: "stop-container"; readonly container: string; readonly graceMs: number }
  /** Drains and closes the sandbox's sockets and forgets its routes. */
  | { readonly op: "remove-sandbox"; readonly sandbox: string; readonly graceMs: number }
  | { readonly op: "stats"; readonly container: string };

/** The request with that `op`. */
export type RequestOf<O extends Request["op"]> = Extract<Request, { readonly op: O }>;

export interface DeclaredRoute {
  readonly route: string;
  readonly container: string;
}

/** A container as the shim needs it. `mounts[i]` is the i-th descriptor of the message. */
export interface ContainerSpec {
  readonly id: string;
  readonly name: string;
  readonly digest: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly key: string; readonly value: string }[];
  readonly mounts: readonly { readonly guestPath: string; readonly readOnly: boolean }[];
  readonly memoryBytes: number;
  /** Share of CPU against other containers; 100 is ordinary. */
  readonly weight: number;
}

export interface WagiSpec {
  readonly route: string;
  readonly entrypoint: string;
  readonly allowedHosts: readonly string[];
  /** Open outbound responses per run; undefined is unlimited up to the process's cap. */
  readonly httpMaxConcurrency?: number;
  readonly limits: RequestLimits;
}

/** Limits of one request; docs/reference/limits.md says what each protects. */
export interface RequestLimits {
  readonly timeoutMs: number;
  readonly maxRequestBodyBytes: number;
  readonly maxResponseBytes: number;
  readonly maxResponseHeaderBytes: number;
  readonly concurrency: number;
  readonly queue: number;
}

export type Reply =
  | { readonly ok: true; readonly result?: StartedRoutes | ContainerUsage }
  | { readonly ok: false; readonly code: ShimErrorCode; readonly message: string };

/** `unusable`: the module cannot serve (missing import or export, start trap, bad `_routes`); the container fails with the message. */
export type ShimErrorCode = "unusable" | "not-found" | "exhausted" | "internal";

export interface StartedRoutes {
  /** The routes this container answers now, in the order they are tried: those of `_routes` (last printed first), then its own. */
  readonly routes: readonly { readonly route: string; readonly entrypoint: string }[];
}

export interface ContainerUsage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly requests: number;
  readonly failures: number;
}

/** What a shim tells by itself. */
export type Notice =
  /** The first: all workers run. `warnings` say what could not be restricted (docs/security.md). */
  | { readonly event: "ready"; readonly warnings: readonly string[] }
  | {
      readonly event: "log";
      readonly container: string;
      readonly stream: "stdout" | "stderr";
      readonly text: Uint8Array;
    }
  | { readonly event: "exited"; readonly container: string; readonly exit: ContainerExit }
  | { readonly event: "worker-replaced"; readonly reason: string; readonly lostRequests: number };

export interface ContainerExit {
  readonly exitCode: number;
  /** `Completed`, `Error` or `OOMKilled`. */
  readonly reason: string;
  readonly message: string;
}
