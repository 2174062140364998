import { type BackoffPolicy, backoffDelayMs, KUBELET_BACKOFF } from "../../base/index.ts";
import type { WaitingReason } from "../status/pod-status.ts";
import { newestStarted, type PodRuntime } from "./pod-runtime.ts";

/** What a pod worker remembers that no runtime tells. Times are monotonic milliseconds unless a name says otherwise. */
export interface PodNotes {
  /** When the pod was first looked at. */
  readonly accepted: { readonly at: number; readonly wallMs: number };
  readonly volumes: "none" | "ready";
  readonly volumeFailure?: Failure;
  readonly sandboxFailure?: Failure;
  /** Why a container has no run yet or no next one: image, configuration, creation. By container. */
  readonly containerFailures: ReadonlyMap<string, ContainerFailure>;
  /** Ends of runs in a row, by container. */
  readonly crashes: ReadonlyMap<string, Crash>;
  /** Highest number a run has had, by container. */
  readonly attempts: ReadonlyMap<string, number>;
  /** Set once the pod is to end, whatever its spec says. */
  readonly ending?: Ending;
  /** Set once the pod has ended; never unset. */
  readonly outcome?: "Succeeded" | "Failed";
}

export interface Failure {
  readonly message: string;
  /** In a row. */
  readonly count: number;
  readonly failedAt: number;
  readonly retryAt: number;
}

export interface ContainerFailure extends Failure {
  readonly reason: Exclude<WaitingReason, "CrashLoopBackOff" | "PodInitializing" | "ContainerCreating">;
}

export interface Crash {
  /** The run whose end was counted last. */
  readonly runId: string;
  readonly count: number;
  readonly seenAt: number;
  /** Not before this the container starts again. */
  readonly retryAt: number;
}

/** How and why a pod ends before its containers do. */
export interface Ending {
  readonly cause: "deleted" | "deadline";
  readonly graceSeconds: number;
}

export function newNotes(at: number, wallMs: number): PodNotes {
  return {
    accepted: { at, wallMs },
    volumes: "none",
    containerFailures: new Map(),
    crashes: new Map(),
    attempts: new Map(),
  };
}

/** A kubelet tries again ten seconds after an error of its own (spec/kubelet.md L-02). */
const RETRY: BackoffPolicy = { initialMs: 10_000, maxMs: 10_000, resetAfterMs: 0 };
/** Volumes: spec/kubelet.md V-20. */
const VOLUME_RETRY: BackoffPolicy = { initialMs: 500, maxMs: 122_000, resetAfterMs: 0 };

export function noteVolumeFailure(notes: PodNotes, message: string, now: number): PodNotes {
  return { ...notes, volumeFailure: nextFailure(notes.volumeFailure, VOLUME_RETRY, message, now) };
}

export function noteVolumes(notes: PodNotes): PodNotes {
  const { volumeFailure: _, ...rest } = notes;
  return { ...rest, volumes: "ready" };
}

export function noteSandboxFailure(notes: PodNotes, message: string, now: number): PodNotes {
  return { ...notes, sandboxFailure: nextFailure(notes.sandboxFailure, RETRY, message, now) };
}

export function noteSandbox(notes: PodNotes): PodNotes {
  const { sandboxFailure: _, ...rest } = notes;
  return rest;
}

/** Images back off as crashes do; everything else is tried again every ten seconds. */
export function noteContainerFailure(
  notes: PodNotes,
  container: string,
  { reason, message }: Pick<ContainerFailure, "reason" | "message">,
  now: number,
): PodNotes {
  const policy = reason === "ErrImagePull" ? KUBELET_BACKOFF : RETRY;
  const former = notes.containerFailures.get(container);
  const failure = nextFailure(former?.reason === reason ? former : undefined, policy, message, now);
  return { ...notes, containerFailures: new Map(notes.containerFailures).set(container, { ...failure, reason }) };
}

export function noteContainerStarted(notes: PodNotes, container: string): PodNotes {
  if (!notes.containerFailures.has(container)) return notes;
  const containerFailures = new Map(notes.containerFailures);
  containerFailures.delete(container);
  return { ...notes, containerFailures };
}

function nextFailure(former: Failure | undefined, policy: BackoffPolicy, message: string, now: number): Failure {
  const count = (former?.count ?? 0) + 1;
  return { message, count, failedAt: now, retryAt: now + backoffDelayMs(policy, count) };
}

/** Counts runs that have ended since the last look: the first restart is at once, then after 10 s doubling to 300 s. */
export function noteRuns(notes: PodNotes, runtime: PodRuntime, now: number): PodNotes {
  const crashes = new Map(notes.crashes);
  const attempts = new Map(notes.attempts);
  for (const { container, attempt } of runtime.runs)
    attempts.set(container, Math.max(attempt, attempts.get(container) ?? 0));
  for (const container of attempts.keys()) {
    const run = newestStarted(runtime, container);
    const former = crashes.get(container);
    if (run?.state.kind !== "exited" || former?.runId === run.id) continue;
    const { startedAtMs, finishedAtMs } = run.state;
    const ranLong = startedAtMs > 0 && finishedAtMs - startedAtMs >= KUBELET_BACKOFF.resetAfterMs;
    const count = ranLong ? 1 : (former?.count ?? 0) + 1;
    const retryAt = now + backoffDelayMs(KUBELET_BACKOFF, count - 1);
    crashes.set(container, { runId: run.id, count, seenAt: now, retryAt });
  }
  return { ...notes, crashes, attempts };
}
