import type { NodeInfo } from "../kubelet.ts";
import { podConditions } from "./conditions.ts";
import { containerStatus, type StatusSource, timestamp } from "./container-status.ts";
import { podPhase } from "./phase.ts";
import type { ContainerStatus, PodStatus } from "./pod-status.ts";
import { qosClass } from "./qos-class.ts";

/** A pod's status from what its spec asks for, what the runtime tells and what the worker remembers. */
export function makeStatus(source: StatusSource, node: NodeInfo, former?: PodStatus): PodStatus {
  const { pod, runtime, notes, wallMs } = source;
  const { spec } = pod;
  const initContainerStatuses = initStatuses(source);
  const waitsForInit = initContainerStatuses.some(({ ready }) => !ready);
  const containerStatuses = spec.containers.map((container) =>
    containerStatus(container, source, { isInit: false, waitsForInit }),
  );
  const { restartPolicy } = spec;
  const isEnding = notes.ending !== undefined || notes.outcome !== undefined;
  const counted = podPhase({ restartPolicy, initContainerStatuses, containerStatuses, isEnding });
  const phase = notes.outcome ?? (isEnding && counted !== "Pending" ? "Running" : counted);
  const podIP = runtime.sandbox?.ip ?? former?.podIP;
  const isPastDeadline = notes.ending?.cause === "deadline";
  return {
    phase,
    ...(isPastDeadline ? DEADLINE_EXCEEDED : {}),
    startTime: timestamp(notes.accepted.wallMs),
    hostIP: node.ip,
    ...(podIP === undefined || podIP === "" ? {} : { podIP }),
    qosClass: qosClass(spec),
    conditions: podConditions({
      phase,
      hasSandbox: runtime.sandbox?.isReady ?? false,
      initContainerStatuses,
      containerStatuses,
      former: former?.conditions ?? [],
      wallMs,
    }),
    initContainerStatuses,
    containerStatuses,
  };
}

const DEADLINE_EXCEEDED = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
} as const;

function initStatuses(source: StatusSource): readonly ContainerStatus[] {
  let waitsForInit = false;
  return source.pod.spec.initContainers.map((container) => {
    const status = containerStatus(container, source, { isInit: true, waitsForInit });
    waitsForInit ||= !status.ready;
    return status;
  });
}

/**
 * How a pod has ended, once nothing of it runs any more; undefined while something runs or will. A pod that is stopped before it
 * ended by itself has failed unless all its containers succeeded.
 */
export function podOutcome(
  status: PodStatus,
  { pod, notes }: StatusSource,
  isStopped: boolean,
): "Succeeded" | "Failed" | undefined {
  if (notes.outcome) return notes.outcome;
  const { initContainerStatuses, containerStatuses } = status;
  const isEnding = notes.ending !== undefined;
  if (isEnding && !isStopped) return undefined;
  const { restartPolicy } = pod.spec;
  const phase = podPhase({ restartPolicy, initContainerStatuses, containerStatuses, isEnding });
  if (notes.ending?.cause === "deadline") return "Failed";
  if (phase === "Succeeded" || phase === "Failed") return phase;
  return isEnding ? "Failed" : undefined;
}
