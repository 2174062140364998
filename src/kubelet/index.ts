export type { ConfigMap, Container, Pod, PodSpec, Secret } from "./api/index.ts";
export {
  createKubelet,
  type DesiredState,
  type Kubelet,
  type KubeletOptions,
  type NodeInfo,
  type SyncOptions,
} from "./kubelet.ts";
export {
  type ManifestDocument,
  type ParsedManifests,
  type ParseManifestsOptions,
  parseManifests,
} from "./manifests/parse-manifests.ts";
export type { KubernetesObject } from "./manifests/parse-object.ts";
export { formatProblem, type Problem } from "./manifests/problem.ts";
export {
  type ApplyOptions,
  createManifestSource,
  type ManifestSource,
  type ManifestSourceOptions,
  type WorkloadStatus,
} from "./source/manifest-source.ts";
export type * from "./status/pod-status.ts";
export { isSettled, podStatusText } from "./status/status-text.ts";
