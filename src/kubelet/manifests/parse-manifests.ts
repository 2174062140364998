import { expandObject, firstPods } from "../source/expand.ts";
import { type KubernetesObject, parseObject } from "./parse-object.ts";
import { error, type Finding, type Problem } from "./problem.ts";
import { readDocuments } from "./read-documents.ts";
import { validatePodSpec } from "./validate-pod.ts";
import {
  type Annotated,
  formatListenAddress,
  isSameListener,
  isWagiPod,
  type ListenAddress,
  listenAddressOf,
  listeningOn,
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
  /** Address all WAGI pods listen on in place of their own; it is written into their annotation. */
  readonly address?: string;
  /** The runtime's own check of a pod's annotations, so that it is made before anything starts: throws what is wrong. */
  readonly checkAnnotations?: (annotations: Readonly<Record<string, string>>) => void;
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
      else for (const value of itemsOf(read.value)) takeObject(source, value, options, { found, problems });
    }
  }
  const unique = withoutRepeated(found, problems);
  const objects = withoutConflicts(unique, problems);
  return { objects: objects.map(({ object }) => object), problems };
}

const LIST = /^(?:Pod|Deployment|ReplicaSet|Job|ConfigMap|Secret)?List$/;

/** The objects of a List (also of a PodList and so on), or the one object. */
function itemsOf(value: unknown): readonly unknown[] {
  if (!isMap(value) || typeof value["kind"] !== "string" || !LIST.test(value["kind"])) return [value];
  return Array.isArray(value["items"]) ? value["items"] : [value];
}

interface Taken {
  readonly found: Located[];
  readonly problems: Problem[];
}

function takeObject(source: string, value: unknown, options: ParseManifestsOptions, { found, problems }: Taken): void {
  if (!isMap(value)) {
    const finding = error("", "is no Kubernetes object: a map with apiVersion and kind is expected");
    problems.push({ source, kind: "", name: "", ...finding });
    return;
  }
  const parsed = parseObject(value);
  const object = parsed.object && withAddress(parsed.object, options.address);
  const all = object ? [...parsed.findings, ...validateObject(object, options)] : parsed.findings;
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

function validateObject(object: KubernetesObject, options: ParseManifestsOptions): readonly Finding[] {
  switch (object.kind) {
    case "Pod":
      return [...validatePodSpec(object.spec, "spec"), ...validateAnnotations(object, "metadata.annotations", options)];
    case "Deployment":
    case "ReplicaSet":
      return [...validateTemplate(object, options), ...validateSelector(object), ...onlyRestart(object, ["Always"])];
    case "Job":
      return [...validateTemplate(object, options), ...onlyRestart(object, ["Never", "OnFailure"])];
    case "ConfigMap":
    case "Secret":
      return [];
  }
}

type Workload = Extract<KubernetesObject, { kind: "Deployment" | "ReplicaSet" | "Job" }>;

function validateTemplate({ spec: { template } }: Workload, options: ParseManifestsOptions): readonly Finding[] {
  return [
    ...validatePodSpec(template.spec, "spec.template.spec"),
    ...validateAnnotations(template, "spec.template.metadata.annotations", options),
  ];
}

/** Own checks first: they know the containers; then what the runtime would refuse. */
function validateAnnotations(
  pod: Annotated,
  at: string,
  { checkAnnotations }: ParseManifestsOptions,
): readonly Finding[] {
  const findings = validateWagi(pod, at);
  if (findings.length > 0 || !checkAnnotations) return findings;
  try {
    checkAnnotations(pod.metadata.annotations);
    return [];
  } catch (cause) {
    return [error(at, (cause as Error).message)];
  }
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
function withoutConflicts(found: readonly Located[], problems: Problem[]): readonly Located[] {
  const listeners: Listener[] = [];
  return found.filter((located) => {
    const { source, object } = located;
    for (const listener of listenersOf(located)) {
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

/** Of a Job's pods too: those that run at the same time. */
function listenersOf(located: Located): readonly Listener[] {
  const { object } = located;
  const pods = object.kind === "Job" ? firstPods(object) : expandObject(object);
  return pods.flatMap((pod) => {
    const own = listenAddressOf(pod);
    return own ? [{ address: own, pod: pod.metadata.name, located }] : [];
  });
}

function withAddress(object: KubernetesObject, address: string | undefined): KubernetesObject {
  if (address === undefined) return object;
  switch (object.kind) {
    case "Pod":
      return isWagiPod(object) ? listeningOn(object, address) : object;
    case "Deployment":
    case "ReplicaSet":
    case "Job": {
      const { spec } = object;
      if (!isWagiPod(spec.template)) return object;
      return { ...object, spec: { ...spec, template: listeningOn(spec.template, address) } } as typeof object;
    }
    case "ConfigMap":
    case "Secret":
      return object;
  }
}
