import { parseQuantity } from "../../base/index.ts";
import type { Container, Pod, ResourceFieldRef } from "../api/index.ts";
import type { FieldPath } from "./field-path.ts";

/** What a pod learns of the place it runs at. */
export interface Placement {
  readonly nodeName: string;
  readonly hostIP: string;
  /** Of its sandbox; undefined before there is one. */
  readonly podIP: string | undefined;
  /** What a container may use that has no limit of its own. */
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** Value of a field of the pod, as downward API and variables have it. */
export function fieldValue(field: FieldPath, { metadata, spec }: Pod, placement: Placement): string {
  switch (field.field) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace;
    case "metadata.uid":
      return metadata.uid;
    case "metadata.labels":
      return mapValue(metadata.labels, field.key);
    case "metadata.annotations":
      return mapValue(metadata.annotations, field.key);
    case "spec.nodeName":
      return placement.nodeName;
    case "spec.serviceAccountName":
      return spec.serviceAccountName;
    case "status.hostIP":
    case "status.hostIPs":
      return placement.hostIP;
    case "status.podIP":
    case "status.podIPs":
      return placement.podIP ?? "";
  }
}

/** One value, or all as `key="escaped value"` lines in the order of their keys. */
function mapValue(values: Readonly<Record<string, string>>, key: string | undefined): string {
  if (key !== undefined) return values[key] ?? "";
  return Object.keys(values)
    .toSorted()
    .map((name) => `${name}=${JSON.stringify(values[name])}`)
    .join("\n");
}

/** Value of a request or limit, in units of the divisor (1 without one), rounded up. A missing limit is what the node has. */
export function resourceValue(
  { resource, divisor }: ResourceFieldRef,
  container: Container,
  placement: Placement,
): string {
  const { limits, requests } = container.resources;
  const node = { cpu: String(placement.cpus), memory: String(placement.memoryBytes) };
  const isCpu = resource.endsWith(".cpu");
  const limit = isCpu ? limits.cpu : limits.memory;
  const request = isCpu ? requests.cpu : requests.memory;
  const capacity = isCpu ? node.cpu : node.memory;
  const text = resource.startsWith("limits.") ? (limit ?? capacity) : (request ?? limit ?? "0");
  const unit = divisor === undefined ? 1 : parseQuantity(divisor) || 1;
  return String(Math.ceil(roundedRatio(parseQuantity(text), unit)));
}

/** 0.3 / 0.1 is 3, though not in binary fractions. */
function roundedRatio(value: number, unit: number): number {
  const ratio = value / unit;
  const nearest = Math.round(ratio);
  return Math.abs(ratio - nearest) < 1e-9 * Math.max(1, ratio) ? nearest : ratio;
}
