import type { Container, Pod } from "../api/index.ts";
import type { ContainerFailure, Crash, PodNotes } from "../pods/notes.ts";
import { type ContainerRun, newestStarted, type PodRuntime } from "../pods/pod-runtime.ts";
import { restarts } from "../pods/restart.ts";
import type { ContainerState, ContainerStatus, TerminatedState, WaitingState } from "./pod-status.ts";

/** What the status of a pod is made from. */
export interface StatusSource {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly notes: PodNotes;
  /** Monotonic milliseconds. */
  readonly now: number;
  readonly wallMs: number;
}

/** Time for which an error is shown by its own name before it becomes a back-off: a kubelet's next look at the pod. */
const FRESH_MS = 1000;

/** When the status changes next though nothing happens, in monotonic milliseconds. */
export function nextStatusChange({ containerFailures, crashes }: PodNotes, now: number): number | undefined {
  const seen = [
    ...[...containerFailures.values()].map(({ failedAt }) => failedAt),
    ...[...crashes.values()].map(({ seenAt }) => seenAt),
  ];
  const changes = seen.map((at) => at + FRESH_MS).filter((at) => at > now);
  return changes.length === 0 ? undefined : Math.min(...changes);
}

/** A container's status in Kubernetes' terms. `waitsForInit`: earlier init containers have not ended yet. */
export function containerStatus(
  container: Container,
  source: StatusSource,
  { isInit, waitsForInit }: { readonly isInit: boolean; readonly waitsForInit: boolean },
): ContainerStatus {
  const { name, image } = container;
  const run = newestStarted(source.runtime, name);
  const { state, lastState } = run
    ? statesOf(run, source, isInit)
    : { state: waitingForFirst(container, source, waitsForInit), lastState: undefined };
  const isRunning = state.kind === "running";
  return {
    name,
    image: run?.image ?? image,
    imageID: run?.imageRef ?? "",
    containerID: run?.id ?? "",
    ready: isInit ? state.kind === "terminated" && state.exitCode === 0 : isRunning,
    started: isRunning,
    restartCount: source.notes.attempts.get(name) ?? 0,
    state,
    ...(lastState ? { lastState } : {}),
  };
}

interface States {
  readonly state: ContainerState;
  readonly lastState: TerminatedState | undefined;
}

function statesOf(run: ContainerRun, source: StatusSource, isInit: boolean): States {
  const former = source.runtime.runs.findLast(
    ({ container, attempt, state }) => container === run.container && attempt < run.attempt && state.kind === "exited",
  );
  const lastState = former && terminated(former);
  if (run.state.kind === "running")
    return { state: { kind: "running", startedAt: timestamp(run.state.startedAtMs) }, lastState };
  const ended = terminated(run);
  const waiting = waitingForNext(run, ended, source, isInit);
  return waiting ? { state: waiting, lastState: ended } : { state: ended, lastState };
}

/** Undefined when the run that ended was the last, or the first restart is just coming. */
function waitingForNext(
  { container, attempt }: ContainerRun,
  { exitCode, reason, message }: TerminatedState,
  source: StatusSource,
  isInit: boolean,
): WaitingState | undefined {
  const { pod, notes, now } = source;
  if (notes.ending || notes.outcome || !restarts(pod.spec.restartPolicy, exitCode, isInit)) return undefined;
  const crash = notes.crashes.get(container);
  const isFresh = crash !== undefined && now < crash.seenAt + FRESH_MS;
  if (reason === "StartError" && isFresh)
    return { kind: "waiting", reason: "RunContainerError", ...(message === undefined ? {} : { message }) };
  const failure = notes.containerFailures.get(container);
  if (failure && failure.reason !== "RunContainerError") return waitingForRetry(failure, imageOf(pod, container), now);
  if (!crash || crash.count <= 1 || attempt === 0) return failure && waitingForRetry(failure, "", now);
  return { kind: "waiting", reason: "CrashLoopBackOff", message: backOffMessage(crash, container, pod) };
}

function backOffMessage({ seenAt, retryAt }: Crash, container: string, { metadata }: Pod): string {
  const { name, namespace, uid } = metadata;
  return `back-off ${formatSeconds(retryAt - seenAt)} restarting failed container=${container} pod=${name}_${namespace}(${uid})`;
}

/** As Go prints durations: `10s`, `2m40s`. */
function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function waitingForFirst(
  { name, image }: Container,
  { notes, now }: StatusSource,
  waitsForInit: boolean,
): WaitingState {
  const failure = notes.containerFailures.get(name);
  if (failure) return waitingForRetry(failure, image, now);
  return { kind: "waiting", reason: waitsForInit ? "PodInitializing" : "ContainerCreating" };
}

function waitingForRetry({ reason, message, failedAt }: ContainerFailure, image: string, now: number): WaitingState {
  if (reason !== "ErrImagePull" || now < failedAt + FRESH_MS) return { kind: "waiting", reason, message };
  return {
    kind: "waiting",
    reason: "ImagePullBackOff",
    message: `Back-off pulling image ${JSON.stringify(image)}: ErrImagePull: ${message}`,
  };
}

function imageOf({ spec }: Pod, container: string): string {
  return [...spec.containers, ...spec.initContainers].find(({ name }) => name === container)?.image ?? "";
}

function terminated({ id, state }: ContainerRun): TerminatedState {
  if (state.kind !== "exited")
    return {
      kind: "terminated",
      reason: "ContainerStatusUnknown",
      message: "The container could not be located when the pod was terminated",
      exitCode: 137,
      containerID: id,
    };
  const { startedAtMs, finishedAtMs, exitCode, reason, message } = state;
  return {
    kind: "terminated",
    reason,
    exitCode,
    containerID: id,
    finishedAt: timestamp(finishedAtMs),
    ...(startedAtMs > 0 ? { startedAt: timestamp(startedAtMs) } : {}),
    ...(message === "" ? {} : { message }),
  };
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}
