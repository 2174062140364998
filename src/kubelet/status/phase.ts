import type { PodSpec } from "../api/index.ts";
import type { ContainerStatus, PodPhase } from "./pod-status.ts";

export interface PhaseSource {
  readonly restartPolicy: PodSpec["restartPolicy"];
  readonly initContainerStatuses: readonly ContainerStatus[];
  readonly containerStatuses: readonly ContainerStatus[];
  /** Nothing of the pod will run any more. */
  readonly isEnding: boolean;
}

/** A pod's phase from its containers (spec/kubelet.md L-10 to L-13). */
export function podPhase({ restartPolicy, initContainerStatuses, containerStatuses, isEnding }: PhaseSource): PodPhase {
  const counts = { running: 0, waiting: 0, succeeded: 0, failed: 0 };
  for (const status of containerStatuses) counts[kindOf(status)]++;
  const init = initContainerStatuses.find((status) => kindOf(status) !== "succeeded");
  const isInitPending = init !== undefined && containerStatuses.every(({ containerID }) => containerID === "");
  if (isInitPending) return init.state.kind === "terminated" && restartPolicy === "Never" ? "Failed" : "Pending";
  if (counts.waiting > 0) return "Pending";
  if (counts.running > 0) return "Running";
  const ended = counts.failed === 0 ? "Succeeded" : "Failed";
  if (isEnding || restartPolicy === "Never") return ended;
  return restartPolicy === "OnFailure" && ended === "Succeeded" ? ended : "Running";
}

/** A container that waits for its next run counts by how the last one ended. */
function kindOf({ state, lastState }: ContainerStatus): "running" | "waiting" | "succeeded" | "failed" {
  if (state.kind === "running") return "running";
  const ended = state.kind === "terminated" ? state : lastState;
  if (!ended) return "waiting";
  return ended.exitCode === 0 ? "succeeded" : "failed";
}
