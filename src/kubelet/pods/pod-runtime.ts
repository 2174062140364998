import { type ContainerStatus, CriError, type PodSandbox, type RuntimeService } from "../../cri/index.ts";

/** Labels by which the pods of a kubelet are found again at a runtime; the names are Kubernetes'. */
export const LABELS = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const;

/** A pod as the runtime tells it. */
export interface PodRuntime {
  /** The newest sandbox. */
  readonly sandbox?: SandboxView;
  /** Older sandboxes that are still known, by id. */
  readonly formerSandboxes: readonly string[];
  /** All runs of all containers known, oldest first. */
  readonly runs: readonly ContainerRun[];
}

export interface SandboxView {
  readonly id: string;
  readonly attempt: number;
  readonly isReady: boolean;
  readonly ip: string;
}

/** One run of a container, from its making to its end. */
export interface ContainerRun {
  readonly id: string;
  readonly sandboxId: string;
  readonly container: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageRef: string;
  readonly state: RunState;
}

export type RunState =
  | { readonly kind: "created" }
  | { readonly kind: "running"; readonly startedAtMs: number }
  | {
      readonly kind: "exited";
      /** 0 when it never started. */
      readonly startedAtMs: number;
      readonly finishedAtMs: number;
      readonly exitCode: number;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: "unknown" };

export const NO_RUNTIME: PodRuntime = { formerSandboxes: [], runs: [] };

/** Asks the runtime for all it knows of a pod. */
export async function readPodRuntime(runtime: RuntimeService, uid: string): Promise<PodRuntime> {
  const found = await runtime.listPodSandbox({ labelSelector: { [LABELS.podUid]: uid } });
  const sandboxes = found.toSorted((a, b) => b.metadata.attempt - a.metadata.attempt);
  const newest = sandboxes[0];
  if (!newest) return NO_RUNTIME;
  const runs = (await Promise.all(sandboxes.map((sandbox) => readRuns(runtime, sandbox)))).flat();
  return {
    sandbox: await readSandbox(runtime, newest),
    formerSandboxes: sandboxes.slice(1).map(({ id }) => id),
    runs: runs.toSorted((a, b) => a.attempt - b.attempt),
  };
}

async function readSandbox(runtime: RuntimeService, { id, metadata, state }: PodSandbox): Promise<SandboxView> {
  const { network } = await runtime.podSandboxStatus(id);
  return { id, attempt: metadata.attempt, isReady: state === "SANDBOX_READY", ip: network.ip };
}

async function readRuns(runtime: RuntimeService, { id }: PodSandbox): Promise<readonly ContainerRun[]> {
  const containers = await runtime.listContainers({ podSandboxId: id });
  const statuses = await Promise.all(containers.map((container) => readStatus(runtime, container.id)));
  return statuses.filter((status) => status !== undefined).map((status) => runOf(status));
}

/** Undefined when it was removed since it was listed. */
async function readStatus(runtime: RuntimeService, id: string): Promise<ContainerStatus | undefined> {
  try {
    return await runtime.containerStatus(id);
  } catch (error) {
    if (error instanceof CriError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}

function runOf(status: ContainerStatus): ContainerRun {
  const { id, podSandboxId: sandboxId, metadata, image, imageRef } = status;
  return {
    id,
    sandboxId,
    container: metadata.name,
    attempt: metadata.attempt,
    image,
    imageRef,
    state: stateOf(status),
  };
}

function stateOf(status: ContainerStatus): RunState {
  const startedAtMs = milliseconds(status.startedAt);
  switch (status.state) {
    case "CONTAINER_CREATED":
      return { kind: "created" };
    case "CONTAINER_RUNNING":
      return { kind: "running", startedAtMs };
    case "CONTAINER_EXITED": {
      const { exitCode, message } = status;
      const reason = status.reason || (exitCode === 0 ? "Completed" : "Error");
      return { kind: "exited", startedAtMs, finishedAtMs: milliseconds(status.finishedAt), exitCode, reason, message };
    }
    case "CONTAINER_UNKNOWN":
      return { kind: "unknown" };
  }
}

function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

/** The newest run of a container that has begun, in the newest sandbox or before. */
export function newestStarted({ runs }: PodRuntime, container: string): ContainerRun | undefined {
  return runs.findLast((run) => run.container === container && run.state.kind !== "created");
}
