import { parseQuantity } from "../../base/index.ts";
import type { Container, PodSpec } from "../api/index.ts";
import type { PodStatus } from "./pod-status.ts";

/** Kubernetes' quality of service class: what all containers ask for decides. */
export function qosClass({ containers, initContainers }: PodSpec): PodStatus["qosClass"] {
  const all = [...initContainers, ...containers];
  const asksNothing = all.every(({ resources: { limits, requests } }) =>
    [...Object.values(limits), ...Object.values(requests)].every((amount) => isNothing(amount)),
  );
  if (asksNothing) return "BestEffort";
  return all.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}

function isGuaranteed({ resources: { limits, requests } }: Container): boolean {
  return (["cpu", "memory"] as const).every((name) => {
    const limit = limits[name];
    if (isNothing(limit)) return false;
    return parseQuantity(requests[name] ?? limit ?? "0") === parseQuantity(limit ?? "0");
  });
}

function isNothing(amount: string | undefined): boolean {
  return amount === undefined || parseQuantity(amount) === 0;
}
