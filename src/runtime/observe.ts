/**
 * What CRI has no message for. A second, small interface beside CRI; a runtime that lacks it is still a runtime.
 */
export interface Observe {
  /** Events from now on, until the signal aborts. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  /** Routes of a sandbox in the order they are tried; empty for a pod without HTTP. */
  routes(podSandboxId: string): readonly RouteStatus[];
  /** Requests answered so far, by container. */
  requests(podSandboxId: string): Promise<readonly RequestCount[]>;
}

export type RuntimeEvent =
  | {
      readonly kind: "pull-progress";
      readonly image: string;
      readonly receivedBytes: number;
      readonly totalBytes: number;
    }
  | { readonly kind: "pulled"; readonly image: string; readonly bytes: number; readonly durationMs: number }
  | { readonly kind: "preparing"; readonly image: string }
  | { readonly kind: "prepared"; readonly image: string; readonly durationMs: number; readonly fromCache: boolean }
  | { readonly kind: "routes-changed"; readonly podSandboxId: string }
  | { readonly kind: "shim-restarted"; readonly reason: string };

export interface RouteStatus {
  /** As in the annotation or printed by `_routes`: `/hello/...` or `/error`. */
  readonly route: string;
  /** `http://127.0.0.1:3001/hello` */
  readonly url: string;
  readonly container: string;
  readonly entrypoint: string;
  readonly ready: boolean;
}

export interface RequestCount {
  readonly container: string;
  readonly requests: number;
  /** Answers with 5xx. */
  readonly failures: number;
}
