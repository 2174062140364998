import type { PreparedModule } from "../../engine/index.ts";
import type {
  ContainerSpec,
  ContainerUsage,
  DeclaredRoute,
  ShimErrorCode,
  StartedRoutes,
  WagiSpec,
} from "../protocol.ts";
import type { ShimSettings } from "../settings.ts";

/** What the shim's main thread asks a gateway worker. Descriptors are numbers: all threads share one table. */
export type WorkerRequest =
  | { readonly op: "load-module"; readonly prepared: PreparedModule }
  | { readonly op: "unload-module"; readonly digest: string }
  /** The worker listens on a duplicate of `fd`. */
  | { readonly op: "listen"; readonly sandbox: string; readonly fd: number }
  | { readonly op: "take-over"; readonly from: string; readonly to: string }
  | { readonly op: "declare-routes"; readonly sandbox: string; readonly routes: readonly DeclaredRoute[] }
  /** Checks that the module can serve and asks its `_routes`. Only one worker is asked. Answers `StartedRoutes`. */
  | {
      readonly op: "probe";
      readonly container: ContainerSpec;
      readonly wagi: WagiSpec;
      readonly fds: readonly number[];
    }
  | {
      readonly op: "serve";
      readonly sandbox: string;
      readonly container: ContainerSpec;
      readonly wagi: WagiSpec;
      readonly fds: readonly number[];
      readonly routes: StartedRoutes["routes"];
    }
  /** Answers `{ drained }` when the container's last request is answered or cut. */
  | { readonly op: "stop"; readonly sandbox: string; readonly container: string; readonly graceMs: number }
  | { readonly op: "remove-sandbox"; readonly sandbox: string; readonly graceMs: number }
  | { readonly op: "stats"; readonly container: string };

export type WorkerResult = StartedRoutes | ContainerUsage | { readonly drained: boolean } | undefined;

export interface WorkerCall {
  readonly id: number;
  readonly request: WorkerRequest;
}

/** What a gateway worker tells the main thread. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly id: number; readonly result: WorkerResult }
  | { readonly kind: "failed"; readonly id: number; readonly code: ShimErrorCode; readonly message: string }
  | { readonly kind: "log"; readonly container: string; readonly text: Uint8Array }
  /** A guest on this thread cannot be stopped: the worker must be replaced. */
  | { readonly kind: "stuck"; readonly reason: string };

/** What a gateway worker starts with. */
export interface WorkerSetup {
  /** `STATUS` words, written by the worker and read by the main thread at any time, even when the worker hangs or is gone. */
  readonly status: Int32Array<SharedArrayBuffer>;
  /** Shared memory of the epoch; its first word is the counter. */
  readonly epoch: WebAssembly.Memory;
  readonly settings: ShimSettings;
  /** Its part of the process's live instances. */
  readonly maxInstances: number;
}

export const STATUS = {
  /** Grows while the worker's event loop turns. */
  beat: 0,
  /** Runs of guests under way. */
  running: 1,
} as const;
export const STATUS_WORDS = 2;

/** How often a worker shows that its loop turns. */
export const BEAT_INTERVAL_MS = 500;

/** A request that a worker or the main thread refuses with a code for the runtime. */
export class RefusedError extends Error {
  readonly code: ShimErrorCode;

  constructor(code: ShimErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RefusedError";
    this.code = code;
  }
}
