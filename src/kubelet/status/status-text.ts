import type { ContainerStatus, PodReport } from "./pod-status.ts";

/** The STATUS column of `kubectl get pods` (spec/kubelet.md L-39). */
export function podStatusText(report: PodReport): string {
  const { stage, status } = report;
  const text = initText(report) ?? lastReason(status.containerStatuses) ?? status.reason ?? status.phase;
  const isTerminal = status.phase === "Succeeded" || status.phase === "Failed";
  if (stage === "terminating" && !isTerminal) return "Terminating";
  if (text !== "Completed" || !status.containerStatuses.some(({ state }) => state.kind === "running")) return text;
  return isReady(report) ? "Running" : "NotReady";
}

/** Whether no change is expected before a failure: the pod is ready, or it has ended. */
export function isSettled(report: PodReport): boolean {
  const { phase } = report.status;
  return phase === "Succeeded" || phase === "Failed" || isReady(report);
}

function isReady({ status }: PodReport): boolean {
  return status.conditions.some(({ type, status: value }) => type === "Ready" && value === "True");
}

function initText({ status: { initContainerStatuses: statuses } }: PodReport): string | undefined {
  const index = statuses.findIndex(({ state }) => !(state.kind === "terminated" && state.exitCode === 0));
  const state = statuses[index]?.state;
  if (!state) return undefined;
  if (state.kind === "terminated") return `Init:${state.reason}`;
  if (state.kind === "waiting" && state.reason !== "PodInitializing") return `Init:${state.reason}`;
  return `Init:${index}/${statuses.length}`;
}

function lastReason(statuses: readonly ContainerStatus[]): string | undefined {
  const states = statuses.map(({ state }) => state);
  // From the end, as printPod has it: the first container's reason is the one shown.
  return states.flatMap((state) => (state.kind === "running" ? [] : [state.reason]))[0];
}
