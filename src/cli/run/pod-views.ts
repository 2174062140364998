import { type ContainerStatus, isSettled, type PodReport, podStatusText } from "../../kubelet/index.ts";
import type { Observe } from "../../runtime/index.ts";
import type { ContainerView, PodView } from "./report.ts";

/** A pod as reports show it, with its routes as the runtime has them now. */
export function podView(report: PodReport, observe: Observe): PodView {
  const { pod, status, sandboxId } = report;
  return {
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    status: podStatusText(report),
    isSettled: isSettled(report),
    containers: [
      ...status.initContainerStatuses.map((each) => ({ ...containerView(each), isInit: true })),
      ...status.containerStatuses.map((each) => containerView(each)),
    ],
    routes:
      sandboxId === undefined
        ? []
        : observe
            .routes(sandboxId)
            .map(({ route, url, container, ready }) => ({ route, url, container, isReady: ready })),
  };
}

function containerView({ name, ready, restartCount, state, lastState }: ContainerStatus): ContainerView {
  const base = { name, isReady: ready, restarts: restartCount };
  switch (state.kind) {
    case "running":
      return { ...base, state: "Running" };
    case "waiting":
      return { ...base, state: state.reason, ...messageOf(withCause(state, lastState)) };
    case "terminated":
      return { ...base, state: state.reason, exitCode: state.exitCode, ...messageOf(state) };
  }
}

function messageOf({ message }: { readonly message?: string }): { readonly message?: string } {
  return message === undefined || message === "" ? {} : { message };
}

/** While a container waits for its next start, people want to know how the run before ended. */
function withCause(state: { readonly message?: string }, lastState: ContainerStatus["lastState"]) {
  if (!lastState) return state;
  const how = `${lastState.reason} (exit code ${lastState.exitCode})`;
  const parts = [how, lastState.message, state.message].filter((part) => part !== undefined && part !== "");
  return { message: parts.join("; ") };
}
