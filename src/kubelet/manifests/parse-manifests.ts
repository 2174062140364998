import type { Pod } from "../api/index.ts";
import { expandObject } from "../source/expand.ts";
import { type KubernetesObject, parseObject } from "./parse-object.ts";
import { error, type Finding, type Problem } from "./problem.ts";
import { MANIFEST_LIMITS, readDocuments } from "./read-documents.ts";
import { validatePodSpec } from "./validate-pod.ts";
import {
  formatListenAddress,
  isSameListener,
  isWagiPod,
  type ListenAddress,
  listenAddressOf,
  validateWagi,
} from "./wagi.ts";

/** Text of one manifest file and the name people know it by. */
export interface ManifestDocument {
  readonly source: string;
  readonly text: string;
}

export interface ParsedManifests {
  /** Objects that can run; those with an error are left out. */
  readonly objects: readonly KubernetesObject[];
  /** In the order of the documents. */
  readonly problems: readonly Problem[];
}

export interface ParseManifestsOptions {
  /** Address all WAGI pods listen on in place of their own. */
  readonly address?: string;
}

interface Located {
  readonly source: string;
  readonly object: KubernetesObject;
}

/** Reads manifests and checks them as an API server would, and what a set of them must not have: two objects of one name, two pods of one address. */
export function parseManifests(
  documents: readonly ManifestDocument[],
  options: ParseManifestsOptions = {},
): ParsedManifests {
  const problems: Problem[] = [];
  const found: Located[] = [];
  for (const { source, text } of documents) {
    for (const read of readDocuments(text)) {
      if (read.findings) problems.push(...read.findings.map((finding) => ({ source, kind: "", name: "", ...finding })));
      else for (const value of itemsOf(read.value)) takeObject(source, value, found, problems);
    }
  }
  const unique = withoutRepeated(found, problems);
  const objects = withoutConflicts(unique, problems, options);
  return { objects: objects.map(({ object }) => object), problems };
}

/** The objects of a List, or the one object. A list in a list is not looked into without end. */
function itemsOf(value: unknown): readonly unknown[] {
  if (!isMap(value) || value["kind"] !== "List" || !Array.isArray(value["items"])) return [value];
  return value["items"].slice(0, MANIFEST_LIMITS.maxDocuments);
}

function takeObject(source: string, value: unknown, found: Located[], problems: Problem[]): void {
  if (!isMap(value)) {
    problems.push({
      source,
      kind: "",
      name: "",
      ...error("", "is no Kubernetes object: a map with apiVersion and kind is expected"),
    });
    return;
  }
  const { object, findings } = parseObject(value);
  const all = object ? [...findings, ...validateObject(object)] : findings;
  problems.push(...all.map((finding) => ({ source, ...titleOf(value), ...finding })));
  if (object && all.every(({ severity }) => severity === "warning")) found.push({ source, object });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function titleOf({ kind, metadata }: Readonly<Record<string, unknown>>): { kind: string; name: string } {
  const { name, namespace } = isMap(metadata) ? metadata : {};
  const title = [namespace === "default" ? undefined : namespace, name]
    .filter((part) => typeof part === "string")
    .join("/");
  return { kind: typeof kind === "string" ? kind : "", name: title };
}

function validateObject(object: KubernetesObject): readonly Finding[] {
  switch (object.kind) {
    case "Pod":
      return [...validatePodSpec(object.spec, "spec"), ...validateWagi(object, "metadata.annotations")];
    case "Deployment":
    case "ReplicaSet":
      return [...validateTemplate(object), ...validateSelector(object), ...onlyRestart(object, ["Always"])];
    case "Job":
      return [...validateTemplate(object), ...onlyRestart(object, ["Never", "OnFailure"])];
    case "ConfigMap":
    case "Secret":
      return [];
  }
}

type Workload = Extract<KubernetesObject, { kind: "Deployment" | "ReplicaSet" | "Job" }>;

function validateTemplate({ spec: { template } }: Workload): readonly Finding[] {
  return [
    ...validatePodSpec(template.spec, "spec.template.spec"),
    ...validateWagi(template, "spec.template.metadata.annotations"),
  ];
}

function validateSelector({ spec: { selector, template } }: Exclude<Workload, { kind: "Job" }>): readonly Finding[] {
  const wanted = Object.entries(selector.matchLabels);
  if (wanted.length === 0) return [error("spec.selector.matchLabels", "must not be empty")];
  return wanted.every(([key, value]) => template.metadata.labels[key] === value)
    ? []
    : [error("spec.template.metadata.labels", "must match spec.selector.matchLabels")];
}

function onlyRestart({ kind, spec: { template } }: Workload, allowed: readonly string[]): readonly Finding[] {
  const { restartPolicy } = template.spec;
  if (allowed.includes(restartPolicy)) return [];
  return [
    error("spec.template.spec.restartPolicy", `must be ${allowed.join(" or ")} for a ${kind}, not ${restartPolicy}`),
  ];
}

function withoutRepeated(found: readonly Located[], problems: Problem[]): readonly Located[] {
  const first = new Map<string, string>();
  return found.filter(({ source, object: { kind, metadata } }) => {
    const key = `${kind}/${metadata.namespace}/${metadata.name}`;
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, source);
    else
      problems.push({
        source,
        kind,
        name: metadata.name,
        ...error("metadata.name", `is already used by a ${kind} in ${earlier}`),
      });
    return earlier === undefined;
  });
}

interface Listener {
  readonly address: ListenAddress;
  readonly pod: string;
  readonly located: Located;
}

/** Only one of two pods can have an address; the first in the order of the documents gets it. */
function withoutConflicts(
  found: readonly Located[],
  problems: Problem[],
  options: ParseManifestsOptions,
): readonly Located[] {
  const listeners: Listener[] = [];
  return found.filter((located) => {
    const { source, object } = located;
    const own = listenersOf(located, options);
    for (const listener of own) {
      const owner = listeners.find(({ address }) => isSameListener(address, listener.address));
      if (!owner) {
        listeners.push(listener);
        continue;
      }
      problems.push({ source, kind: object.kind, name: object.metadata.name, ...conflict(listener, owner) });
      return false;
    }
    return true;
  });
}

function conflict({ address, pod, located }: Listener, owner: Listener): Finding {
  const text = formatListenAddress(address);
  if (located === owner.located)
    return error(
      "spec.replicas",
      `must be 1: only one pod can listen on ${text}, and ${owner.pod} and ${pod} would both`,
    );
  const place = located.object.kind === "Pod" ? "metadata.annotations" : "spec.template.metadata.annotations";
  return error(
    place,
    `${text} is already the address of pod ${owner.pod} (${owner.located.source}); give one of them another default-host`,
  );
}

function listenersOf(located: Located, { address }: ParseManifestsOptions): readonly Listener[] {
  return expandObject(located.object).flatMap((pod) => {
    const listening = address !== undefined && isWagiPod(pod) ? withAddress(pod, address) : pod;
    const own = listenAddressOf(listening);
    return own ? [{ address: own, pod: pod.metadata.name, located }] : [];
  });
}

function withAddress<P extends Pick<Pod, "spec"> & { readonly metadata: Pick<Pod["metadata"], "annotations"> }>(
  pod: P,
  address: string,
): P {
  const annotations = { ...pod.metadata.annotations, "alpha.wagi.krustlet.dev/default-host": address };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}
