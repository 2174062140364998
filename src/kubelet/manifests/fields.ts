/** A field of Kubernetes that this kubelet knows of and does not honour. */
export interface FieldRule {
  /** Why, and what happens instead. */
  readonly why: string;
  /** Ignored with a warning, or the object is refused. */
  readonly isRefused: boolean;
}

const ignored = (why: string): FieldRule => ({ why, isRefused: false });
const refused = (why: string): FieldRule => ({ why, isRefused: true });

const NO_SCHEDULER = ignored("is ignored: there is no scheduler here, every pod runs on this machine");
const SERVER_SET = ignored("is ignored: the API server sets it");
const NO_PROBES = ignored("is ignored: probes are not run yet, a container counts as ready once it runs");
const NO_USERS = ignored("is ignored: a WebAssembly guest has no user, no capabilities and no other privileges");
const NO_PROCESSES = refused("is not supported: a WebAssembly guest has no processes that could be shared or reached");
const NOT_YET = refused("is not supported yet");

const POD_SPEC: Readonly<Record<string, FieldRule>> = {
  nodeSelector: NO_SCHEDULER,
  tolerations: NO_SCHEDULER,
  affinity: NO_SCHEDULER,
  topologySpreadConstraints: NO_SCHEDULER,
  priority: NO_SCHEDULER,
  priorityClassName: NO_SCHEDULER,
  preemptionPolicy: NO_SCHEDULER,
  schedulerName: NO_SCHEDULER,
  overhead: NO_SCHEDULER,
  runtimeClassName: ignored("is ignored: there is one runtime here"),
  os: ignored("is ignored: a WebAssembly module runs on any system"),
  securityContext: NO_USERS,
  hostUsers: NO_USERS,
  serviceAccount: ignored("is ignored: it is the old name of serviceAccountName"),
  automountServiceAccountToken: ignored("is ignored: there is no API server here to talk to, no token is mounted"),
  enableServiceLinks: ignored("is ignored: there are no Services here"),
  subdomain: ignored("is ignored: there is no cluster DNS here"),
  setHostnameAsFQDN: ignored("is ignored: there is no cluster DNS here"),
  dnsPolicy: ignored("is ignored: outbound calls use this machine's DNS"),
  dnsConfig: refused("is not supported yet: outbound calls use this machine's DNS"),
  hostAliases: refused("is not supported yet: outbound calls use this machine's DNS"),
  hostPID: NO_PROCESSES,
  hostIPC: NO_PROCESSES,
  shareProcessNamespace: NO_PROCESSES,
  ephemeralContainers: NOT_YET,
  readinessGates: NOT_YET,
  schedulingGates: NOT_YET,
  resourceClaims: NOT_YET,
  resources: refused("is not supported yet for a whole pod: set resources of containers"),
};

const CONTAINER: Readonly<Record<string, FieldRule>> = {
  livenessProbe: NO_PROBES,
  readinessProbe: NO_PROBES,
  startupProbe: NO_PROBES,
  securityContext: NO_USERS,
  terminationMessagePath: ignored("is ignored: how a container ended is told without a file"),
  terminationMessagePolicy: ignored("is ignored: how a container ended is told without a file"),
  resizePolicy: ignored("is ignored: resources cannot be changed while a container runs"),
  tty: refused("is not supported: a WebAssembly guest has no terminal"),
  stdin: refused("is not supported yet: a guest's standard input is empty, or the body of a request"),
  stdinOnce: refused("is not supported yet"),
  lifecycle: refused("is not supported yet: there are no hooks"),
  restartPolicy: refused(
    "is not supported yet: sidecar containers and restart rules of single containers do not work here",
  ),
  restartPolicyRules: NOT_YET,
  volumeDevices: refused("is not supported: a guest can be given folders only"),
};

const METADATA: Readonly<Record<string, FieldRule>> = {
  uid: SERVER_SET,
  resourceVersion: SERVER_SET,
  generation: SERVER_SET,
  creationTimestamp: SERVER_SET,
  deletionTimestamp: SERVER_SET,
  deletionGracePeriodSeconds: SERVER_SET,
  managedFields: SERVER_SET,
  selfLink: SERVER_SET,
  ownerReferences: SERVER_SET,
  finalizers: ignored("is ignored: objects are not deleted through an API server here"),
  generateName: refused("is not supported: give the object a name"),
};

const VOLUME_SOURCES = [
  "persistentVolumeClaim", "ephemeral", "csi", "image", "nfs", "iscsi", "gitRepo", "glusterfs", "cephfs", "rbd", "fc",
  "flexVolume", "flocker", "cinder", "awsElasticBlockStore", "gcePersistentDisk", "azureDisk", "azureFile", "portworxVolume",
  "photonPersistentDisk", "quobyte", "scaleIO", "storageos", "vsphereVolume",
]; // oxfmt-ignore

const VOLUME_KINDS =
  "is not a kind of volume supported here: use configMap, secret, emptyDir, hostPath, downwardAPI or projected";

const RULES: Readonly<Record<string, FieldRule>> = {
  status: ignored("is ignored: it is what a kubelet reports"),
  ...under("metadata", METADATA),
  ...under("spec", POD_SPEC),
  ...under("spec.containers[]", CONTAINER),
  ...under("spec.initContainers[]", CONTAINER),
  ...under("spec.volumes[]", Object.fromEntries(VOLUME_SOURCES.map((name) => [name, refused(VOLUME_KINDS)]))),
  "spec.volumes[].emptyDir.sizeLimit": refused("is not supported yet: nothing keeps a guest below it"),
  "spec.volumes[].emptyDir.medium": refused("is not supported yet: the folder lies on this machine's disk"),
  "spec.volumes[].projected.sources[].serviceAccountToken": refused("is not supported: there is no API server here"),
  "spec.volumes[].projected.sources[].clusterTrustBundle": refused("is not supported: there is no API server here"),
  ...forContainers((at) => ({
    [`${at}.resources.claims`]: NOT_YET,
    [`${at}.resources.limits.ephemeral-storage`]: ignored("is ignored: nothing keeps a guest below it"),
    [`${at}.resources.requests.ephemeral-storage`]: NO_SCHEDULER,
    [`${at}.volumeMounts[].subPathExpr`]: NOT_YET,
    [`${at}.volumeMounts[].mountPropagation`]: refused(
      "is not supported: folders are not mounted in the system's sense",
    ),
    [`${at}.volumeMounts[].recursiveReadOnly`]: ignored("is ignored: a read-only folder is read-only as a whole"),
    [`${at}.env[].valueFrom.fileKeyRef`]: NOT_YET,
  })),
};

const SERVER_RULES: Readonly<Record<string, FieldRule>> = {
  "spec.strategy": ignored("is ignored: a changed pod is replaced once its next version runs"),
  "spec.minReadySeconds": ignored("is ignored: a pod counts as available once it is ready"),
  "spec.revisionHistoryLimit": ignored("is ignored: no earlier versions are kept"),
  "spec.progressDeadlineSeconds": ignored("is ignored: a pod is tried until it runs"),
  "spec.paused": NOT_YET,
  "spec.selector.matchExpressions": NOT_YET,
};

const JOB_RULES: Readonly<Record<string, FieldRule>> = {
  "spec.ttlSecondsAfterFinished": ignored("is ignored: finished pods stay until the end of the run"),
  "spec.selector": ignored("is ignored: a job's pods are found by their owner"),
  "spec.manualSelector": ignored("is ignored: a job's pods are found by their owner"),
  ...under("spec", Object.fromEntries(
    ["activeDeadlineSeconds", "suspend", "completionMode", "podFailurePolicy", "successPolicy", "backoffLimitPerIndex",
      "maxFailedIndexes", "podReplacementPolicy", "managedBy"].map((name) => [name, NOT_YET]),
  )), // oxfmt-ignore
};

const KIND_RULES: Readonly<Record<string, Readonly<Record<string, FieldRule>>>> = {
  Deployment: SERVER_RULES,
  ReplicaSet: SERVER_RULES,
  Job: JOB_RULES,
};

/** What to do with a field of Kubernetes that the schemas do not name; undefined when Kubernetes does not know it either. */
export function fieldRule(kind: string, path: readonly PropertyKey[]): FieldRule | undefined {
  const pattern = patternOf(path);
  const own = KIND_RULES[kind];
  if (!own) return ruleIn(RULES, pattern);
  if (pattern.startsWith(TEMPLATE)) return ruleIn(RULES, pattern.slice(TEMPLATE.length));
  // The spec of a workload is not that of a pod.
  return ruleIn(own, pattern) ?? (pattern.startsWith("spec.") ? undefined : ruleIn(RULES, pattern));
}

const TEMPLATE = "spec.template.";

function patternOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === "number" ? "[]" : `.${String(part)}`))
    .join("")
    .slice(1);
}

function ruleIn(rules: Readonly<Record<string, FieldRule>>, pattern: string): FieldRule | undefined {
  return Object.hasOwn(rules, pattern) ? rules[pattern] : undefined;
}

function under(prefix: string, rules: Readonly<Record<string, FieldRule>>): Record<string, FieldRule> {
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [`${prefix}.${name}`, rule]));
}

function forContainers(rules: (at: string) => Record<string, FieldRule>): Record<string, FieldRule> {
  return { ...rules("spec.containers[]"), ...rules("spec.initContainers[]") };
}
