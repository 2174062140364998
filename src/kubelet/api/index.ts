export { type ConfigMap, configMapObject, type Secret, secretObject } from "./config.ts";
export type { Container, EnvFromSource, EnvVar, PullPolicy, VolumeMount } from "./container.ts";
export type { ObjectMetadata } from "./metadata.ts";
export { type OwnerReference, type Pod, podKey, podObject, type PodSpec } from "./pod.ts";
export { isEnvName } from "./scalars.ts";
export type { DownwardItem, KeyToPath, ProjectedSource, ResourceFieldRef, Volume } from "./volume.ts";
export {
  type Deployment,
  deploymentObject,
  type Job,
  jobObject,
  type PodTemplate,
  type ReplicaSet,
  replicaSetObject,
} from "./workload.ts";
