import { timestamp } from "./container-status.ts";
import type { ContainerStatus, PodCondition, PodPhase } from "./pod-status.ts";

export interface ConditionSource {
  readonly phase: PodPhase;
  readonly hasSandbox: boolean;
  readonly initContainerStatuses: readonly ContainerStatus[];
  readonly containerStatuses: readonly ContainerStatus[];
  /** Those of the status before. */
  readonly former: readonly PodCondition[];
  readonly wallMs: number;
}

type Verdict = Pick<PodCondition, "type" | "status" | "reason" | "message">;

/** A pod's conditions in the order a kubelet has them; `lastTransitionTime` moves only when a status changes. */
export function podConditions(source: ConditionSource): readonly PodCondition[] {
  const verdicts: readonly Verdict[] = [
    { type: "PodReadyToStartContainers", status: source.hasSandbox ? "True" : "False" },
    { type: "Initialized", ...initialized(source) },
    { type: "Ready", ...ready(source) },
    { type: "ContainersReady", ...ready(source) },
    { type: "PodScheduled", status: "True" },
  ];
  return verdicts.map((verdict) => {
    const former = source.former.find(({ type }) => type === verdict.type);
    const lastTransitionTime = former?.status === verdict.status ? former.lastTransitionTime : timestamp(source.wallMs);
    return { ...verdict, lastTransitionTime };
  });
}

function initialized({ phase, initContainerStatuses, containerStatuses }: ConditionSource): Omit<Verdict, "type"> {
  if (phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  const isPast = containerStatuses.some(({ containerID }) => containerID !== "");
  const open = isPast ? [] : initContainerStatuses.filter((status) => !status.ready);
  if (open.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${namesOf(open)}]`,
  };
}

function ready({ phase, containerStatuses }: ConditionSource): Omit<Verdict, "type"> {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const open = containerStatuses.filter((status) => !status.ready);
  if (open.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${namesOf(open)}]`,
  };
}

function namesOf(statuses: readonly ContainerStatus[]): string {
  return statuses.map(({ name }) => name).join(" ");
}
