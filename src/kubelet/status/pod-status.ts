import type { Pod } from "../api/index.ts";

/** Kubernetes' PodStatus, as far as this kubelet fills it. Times are RFC 3339 with whole seconds. */
export interface PodStatus {
  readonly phase: PodPhase;
  /** Why the pod as a whole is as it is: `DeadlineExceeded`; mostly unset. */
  readonly reason?: string;
  readonly message?: string;
  readonly startTime?: string;
  readonly hostIP?: string;
  readonly podIP?: string;
  readonly qosClass: "Guaranteed" | "Burstable" | "BestEffort";
  readonly conditions: readonly PodCondition[];
  /** In the order of the spec. */
  readonly initContainerStatuses: readonly ContainerStatus[];
  /** In the order of the spec. */
  readonly containerStatuses: readonly ContainerStatus[];
}

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

export interface PodCondition {
  readonly type: "PodScheduled" | "PodReadyToStartContainers" | "Initialized" | "ContainersReady" | "Ready";
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
  /** When `status` changed last. */
  readonly lastTransitionTime: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly image: string;
  /** Digest of the image that runs or ran; "" before there is one. */
  readonly imageID: string;
  /** Id at the runtime; "" before there is one. */
  readonly containerID: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly state: ContainerState;
  /** How the run before ended. */
  readonly lastState?: TerminatedState;
}

export type ContainerState = WaitingState | RunningState | TerminatedState;

export interface WaitingState {
  readonly kind: "waiting";
  readonly reason: WaitingReason;
  readonly message?: string;
}

export interface RunningState {
  readonly kind: "running";
  readonly startedAt: string;
}

export interface TerminatedState {
  readonly kind: "terminated";
  /** `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`, … */
  readonly reason: string;
  readonly message?: string;
  readonly exitCode: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly containerID: string;
}

/** Kubernetes' closed vocabulary (spec/kubelet.md L-60), as far as it occurs here. */
export type WaitingReason =
  | "ContainerCreating"
  | "PodInitializing"
  | "ErrImagePull"
  | "ImagePullBackOff"
  | "ErrImageNeverPull"
  | "InvalidImageName"
  | "CrashLoopBackOff"
  | "CreateContainerConfigError"
  | "CreateContainerError"
  | "RunContainerError";

/** A pod and how it is. */
export interface PodReport {
  readonly pod: Pod;
  readonly status: PodStatus;
  /** Its sandbox at the runtime, while there is one: what `observe` knows routes and requests by. */
  readonly sandboxId?: string;
  /**
   * `syncing`: kept as its spec says. `waiting`: a former pod of its name must end first. `terminating`: being stopped.
   */
  readonly stage: "waiting" | "syncing" | "terminating";
}

/** Something that happened to a pod, with Kubernetes' reasons and messages (spec/kubelet.md E-04). */
export interface PodEvent {
  readonly type: "Normal" | "Warning";
  readonly pod: Pod;
  /** Name of the container it is about, if it is about one. */
  readonly container?: string;
  readonly reason: string;
  readonly message: string;
}
