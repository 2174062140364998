import { createHash } from "node:crypto";
import type {
  Deployment,
  Job,
  ObjectMetadata,
  OwnerReference,
  PodSpec,
  PodTemplate,
  ReplicaSet,
} from "../api/index.ts";
import type { KubernetesObject, PodManifest } from "../manifests/parse-object.ts";
import { uidFrom } from "./uid.ts";

/** A pod that a manifest asks for, before it has a uid. */
export interface PodTemplateInstance {
  readonly metadata: ObjectMetadata & { readonly ownerReferences: readonly OwnerReference[] };
  readonly spec: PodSpec;
}

// Kubernetes' alphabet for generated names: nothing that could spell a word.
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
/** Longest name of which a generated suffix fits into Kubernetes' 63 characters of a host name. */
const MAX_BASE_LENGTH = 63 - 1 - SUFFIX_LENGTH;

/** The pods an object stands for right away; those of a Job follow from how its pods end (`job.ts`). */
export function expandObject(object: KubernetesObject): readonly PodTemplateInstance[] {
  switch (object.kind) {
    case "Pod":
      return [podOf(object)];
    case "Deployment":
    case "ReplicaSet":
      return replicasOf(object);
    case "Job":
    case "ConfigMap":
    case "Secret":
      return [];
  }
}

function podOf({ metadata, spec }: PodManifest): PodTemplateInstance {
  return { metadata: { ...metadata, ownerReferences: [] }, spec };
}

/** The pods a Job begins with. */
export function firstPods(job: Job): readonly PodTemplateInstance[] {
  const taken = new Set<string>();
  const { parallelism, completions = parallelism, template } = job.spec;
  return Array.from({ length: Math.min(parallelism, completions) }, (_, index) =>
    instantiate(job, template, index, taken),
  );
}

function replicasOf(owner: Deployment | ReplicaSet): readonly PodTemplateInstance[] {
  const taken = new Set<string>();
  return Array.from({ length: owner.spec.replicas }, (_, index) =>
    instantiate(owner, owner.spec.template, index, taken),
  );
}

/**
 * Pod `index` of a workload. Its name depends on owner and index only, so that a changed template makes a new version of the same pod.
 * `taken` holds the names of its siblings.
 */
export function instantiate(
  owner: { readonly apiVersion: string; readonly kind: string; readonly metadata: ObjectMetadata },
  template: PodTemplate,
  index: number,
  taken: Set<string>,
): PodTemplateInstance {
  const { namespace } = owner.metadata;
  const name = uniqueName(owner, index, taken);
  const reference = {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: uidOf(owner),
    controller: true,
  };
  return { metadata: { ...template.metadata, name, namespace, ownerReferences: [reference] }, spec: template.spec };
}

/** A uid for an owner, which no server gives one: the same for the same name. */
function uidOf({ kind, metadata }: { readonly kind: string; readonly metadata: ObjectMetadata }): string {
  return uidFrom(kind, metadata.namespace, metadata.name);
}

function uniqueName(
  owner: { readonly kind: string; readonly metadata: ObjectMetadata },
  index: number,
  taken: Set<string>,
): string {
  const base = owner.metadata.name.slice(0, MAX_BASE_LENGTH);
  for (let attempt = 0; ; attempt++) {
    const digest = createHash("sha256")
      .update(`${uidOf(owner)}/${index}/${attempt}`)
      .digest();
    const suffix = [...digest.subarray(0, SUFFIX_LENGTH)]
      .map((byte) => ALPHABET[byte % ALPHABET.length] ?? "")
      .join("");
    const name = `${base}-${suffix}`;
    if (taken.has(name)) continue;
    taken.add(name);
    return name;
  }
}
