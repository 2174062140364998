/** What `wasipool run` tells while it runs; `text-report.ts` tells it to people, `json-report.ts` to programs. */
export interface Report {
  warn(problem: string): void;
  /** A step that takes long: an image being pulled or prepared. */
  progress(step: ProgressStep): void;
  /** Pods, containers and routes as they are now; called at each change. */
  state(pods: readonly PodView[]): void;
  /** What happened to a pod, in Kubernetes' words. */
  event(event: EventView): void;
  log(line: LogView): void;
  /** The last word: requests answered, how commands ended. */
  summary(summary: RunSummary): void;
}

export type ProgressStep =
  | { readonly kind: "pulling"; readonly image: string; readonly receivedBytes: number; readonly totalBytes: number }
  | { readonly kind: "preparing"; readonly image: string }
  | { readonly kind: "done"; readonly image: string };

export interface PodView {
  readonly namespace: string;
  readonly name: string;
  /** As `kubectl get pods` has it in STATUS: `Running`, `CrashLoopBackOff`, `Completed`, … */
  readonly status: string;
  /** No more change is expected before a failure: every container runs, or the pod has ended. */
  readonly isSettled: boolean;
  readonly containers: readonly ContainerView[];
  readonly routes: readonly RouteView[];
}

export interface ContainerView {
  readonly name: string;
  /** Runs before the others and does not count in READY. @default false */
  readonly isInit?: boolean;
  readonly state: string;
  readonly isReady: boolean;
  readonly restarts: number;
  readonly exitCode?: number;
  readonly message?: string;
}

export interface RouteView {
  readonly route: string;
  readonly url: string;
  readonly container: string;
  readonly isReady: boolean;
}

export interface EventView {
  readonly type: "Normal" | "Warning";
  readonly pod: string;
  readonly container?: string;
  readonly reason: string;
  readonly message: string;
}

export interface LogView {
  readonly pod: string;
  readonly container: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface RunSummary {
  readonly durationMs: number;
  readonly containers: readonly {
    readonly pod: string;
    readonly container: string;
    readonly requests: number;
    readonly failures: number;
  }[];
}
