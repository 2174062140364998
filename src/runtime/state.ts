import type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxFilter,
  PodSandboxState,
} from "../cri/index.ts";
import type { ContainerExit } from "../shim/index.ts";
import type { PodAnnotations, WagiModule } from "./annotations/index.ts";

/** All the runtime knows of a sandbox. Plain data: what a restart of the daemon would have to read back. */
export interface SandboxRecord {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly annotations: PodAnnotations;
  readonly createdAt: bigint;
  state: PodSandboxState;
  /** Address the pod is reached at. */
  readonly ip: string;
  /** Where its listener answers, as `http://127.0.0.1:3001`; undefined without HTTP or while a takeover is outstanding. */
  url: string | undefined;
  /** What its removed containers did, by their names: a restart does not forget what was answered before. */
  readonly removed: Map<string, UsageRecord>;
}

export interface ContainerRecord {
  readonly id: string;
  readonly podSandboxId: string;
  readonly config: ContainerConfig;
  /** `sha256:…` of the image's manifest. */
  readonly imageRef: string;
  /** Digest of the module in it. */
  readonly moduleDigest: string;
  /** Set when the container answers HTTP. */
  readonly module?: WagiModule;
  readonly logPath: string;
  readonly createdAt: bigint;
  state: ContainerState;
  startedAt: bigint;
  finishedAt: bigint;
  exit: ContainerExit | undefined;
  /** Routes it answers while it runs, in the order they are tried. */
  routes: readonly { readonly route: string; readonly entrypoint: string }[];
  usage: UsageRecord;
  /** What it did in shim processes that died; part of `usage`. */
  usageBefore: UsageRecord;
}

/** Last figures known of a container; they stay after its end. */
export interface UsageRecord {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly requests: number;
  readonly failures: number;
}

export const NO_USAGE: UsageRecord = { cpuMs: 0, memoryBytes: 0, requests: 0, failures: 0 };

/** What was done `before` and since; memory is that of `now`. */
export function addUsage(before: UsageRecord, now: UsageRecord): UsageRecord {
  return {
    cpuMs: before.cpuMs + now.cpuMs,
    memoryBytes: now.memoryBytes,
    requests: before.requests + now.requests,
    failures: before.failures + now.failures,
  };
}

/** Exit of a container that could not be started: what runc's callers show for it (spec/kubelet.md L-61). */
export function startError(message: string): ContainerExit {
  return { exitCode: 128, reason: "StartError", message };
}

/** Nanoseconds since 1970 as CRI has them, from milliseconds. */
export function nanoseconds(nowMs: number): bigint {
  return BigInt(Math.round(nowMs * 1000)) * 1000n;
}

export function sandboxView(record: SandboxRecord): PodSandbox {
  const { id, state, createdAt, config } = record;
  return { id, state, createdAt, metadata: config.metadata, labels: config.labels, annotations: config.annotations };
}

export function containerView(record: ContainerRecord): Container {
  const { id, podSandboxId, imageRef, state, createdAt, config } = record;
  const { metadata, labels, annotations } = config;
  const image = config.image.userSpecifiedImage || config.image.image;
  return { id, podSandboxId, metadata, image, imageRef, state, createdAt, labels, annotations };
}

export function containerStatusView(record: ContainerRecord): ContainerStatus {
  return {
    ...containerView(record),
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    exitCode: record.exit?.exitCode ?? 0,
    reason: record.exit?.reason ?? "",
    message: record.exit?.message ?? "",
    logPath: record.logPath,
    mounts: record.config.mounts,
  };
}

export function containerStatsView({ id, usage }: ContainerRecord): ContainerStats {
  return {
    id,
    cpuUsageCoreNanoSeconds: nanoseconds(usage.cpuMs),
    memoryWorkingSetBytes: BigInt(Math.round(usage.memoryBytes)),
  };
}

export function matchesSandbox(record: SandboxRecord, filter: PodSandboxFilter = {}): boolean {
  return (
    (filter.id === undefined || filter.id === record.id) &&
    (filter.state === undefined || filter.state === record.state) &&
    hasLabels(record.config.labels, filter.labelSelector)
  );
}

export function matchesContainer(record: ContainerRecord, filter: ContainerFilter = {}): boolean {
  return (
    (filter.id === undefined || filter.id === record.id) &&
    (filter.podSandboxId === undefined || filter.podSandboxId === record.podSandboxId) &&
    (filter.state === undefined || filter.state === record.state) &&
    hasLabels(record.config.labels, filter.labelSelector)
  );
}

function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>> = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

export function isRunning(record: ContainerRecord): boolean {
  return record.state === "CONTAINER_RUNNING";
}
