import type { Clock } from "../../base/index.ts";
import type { Kubelet, SyncOptions } from "../kubelet.ts";
import type { KubernetesObject } from "../manifests/parse-object.ts";

export interface ApplyOptions extends SyncOptions {
  /**
   * Text that stands for what the pods depend on and their manifests do not say: contents of local modules. A pod with another
   * revision than before is another version. Called with the namespace and name of each pod and its images.
   */
  readonly revisionOf?: (images: readonly string[]) => string;
}

/** How far a Pod, Deployment, ReplicaSet or Job has come. */
export interface WorkloadStatus {
  readonly kind: "Pod" | "Deployment" | "ReplicaSet" | "Job";
  readonly namespace: string;
  readonly name: string;
  /**
   * `running`: more is to come, or it serves. `succeeded` and `failed` are final: a Pod or Job whose commands have all ended. A pod
   * that restarts for ever (CrashLoopBackOff) is `running`.
   */
  readonly outcome: "running" | "succeeded" | "failed";
  readonly message?: string;
}

/** Manifests as a source of pods: what a cluster's controllers would make of them. */
export interface ManifestSource {
  /** Makes these objects what is to run. Level-based, as `Kubelet.sync`. */
  apply(objects: readonly KubernetesObject[], options?: ApplyOptions): void;
  /** Call after each change of a pod: jobs start their next pods. */
  reconcile(): void;
  workloads(): readonly WorkloadStatus[];
}

export interface ManifestSourceOptions {
  readonly kubelet: Kubelet;
  readonly clock: Clock;
}

/** A source with no objects yet. */
export function createManifestSource(_options: ManifestSourceOptions): ManifestSource {
  throw new Error("createManifestSource is being written");
}
