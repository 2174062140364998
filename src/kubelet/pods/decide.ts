import type { Container, Pod } from "../api/index.ts";
import type { PodNotes } from "./notes.ts";
import { newestStarted, type PodRuntime, type RunState, type SandboxView } from "./pod-runtime.ts";
import { restarts } from "./restart.ts";

/** All that decides what to do next for a pod. */
export interface Situation {
  readonly pod: Pod;
  readonly runtime: PodRuntime;
  readonly notes: PodNotes;
  /** Keys (`actionKey`) of actions under way. */
  readonly busy: ReadonlySet<string>;
  /** Monotonic milliseconds. */
  readonly now: number;
}

export type PodAction =
  | { readonly kind: "prepare-volumes" }
  | { readonly kind: "run-sandbox"; readonly attempt: number }
  | {
      readonly kind: "start-container";
      readonly container: Container;
      readonly attempt: number;
      readonly sandbox: SandboxView;
    }
  | { readonly kind: "stop-container"; readonly container: string; readonly id: string; readonly graceSeconds: number }
  | { readonly kind: "stop-sandbox"; readonly id: string }
  | { readonly kind: "remove-sandbox"; readonly id: string }
  | { readonly kind: "remove-container"; readonly id: string }
  | { readonly kind: "end"; readonly cause: "deadline" };

export interface Decision {
  /** To start now; those whose key is busy are left out. */
  readonly actions: readonly PodAction[];
  /** When to look again though nothing happens, in monotonic milliseconds. */
  readonly wakeAt?: number;
  /** Nothing of the pod runs and nothing will. */
  readonly isDone: boolean;
}

/** Two actions with one key never run at the same time. */
export function actionKey(action: PodAction): string {
  switch (action.kind) {
    case "start-container":
      return `start ${action.container.name}`;
    case "stop-container":
    case "stop-sandbox":
    case "remove-sandbox":
    case "remove-container":
      return `${action.kind} ${action.id}`;
    case "prepare-volumes":
    case "run-sandbox":
    case "end":
      return action.kind;
  }
}

/** Decides from the pod's spec and what the runtime tells; knows no effects and no clock. */
export function decide(situation: Situation): Decision {
  const { notes, busy } = situation;
  const decision = notes.ending || notes.outcome ? decideEnd(situation) : decideRun(situation);
  return { ...decision, actions: decision.actions.filter((action) => !busy.has(actionKey(action))) };
}

/** Stops containers within their grace, then the sandbox; a container that is about to start is waited for. */
function decideEnd({ runtime: { sandbox, formerSandboxes, runs }, notes, busy }: Situation): Decision {
  const graceSeconds = notes.ending?.graceSeconds ?? 0;
  const alive = runs.filter(({ state }) => state.kind === "running" || state.kind === "created");
  if (alive.length > 0 || [...busy].some((key) => key.startsWith("start ") || key === "run-sandbox")) {
    const stops = alive.map(({ id, container }): PodAction => ({
      kind: "stop-container",
      container,
      id,
      graceSeconds,
    }));
    return { actions: stops, isDone: false };
  }
  const actions: PodAction[] = formerSandboxes.map((id) => ({ kind: "remove-sandbox", id }));
  if (sandbox?.isReady) actions.push({ kind: "stop-sandbox", id: sandbox.id });
  return { actions, isDone: actions.length === 0 && busy.size === 0 };
}

function decideRun(situation: Situation): Decision {
  const { runtime, now } = situation;
  const deadline = deadlineOf(situation);
  if (deadline !== undefined && now >= deadline)
    return { actions: [{ kind: "end", cause: "deadline" }], isDone: false };
  const steps = nextSteps(situation);
  const later = [deadline, ...steps.map(({ at }) => at)].filter((at) => at !== undefined && at > now);
  const wakeAt = earliest(later);
  const due = steps.filter(({ at }) => at === undefined || at <= now).map(({ action }) => action);
  const removals = [
    ...staleRuns(situation).map((id): PodAction => ({ kind: "remove-container", id })),
    // Once a new sandbox is there, what the old one held is of no more use.
    ...runtime.formerSandboxes.map((id): PodAction => ({ kind: "remove-sandbox", id })),
  ];
  return { actions: [...due, ...removals], isDone: false, ...(wakeAt === undefined ? {} : { wakeAt }) };
}

function deadlineOf({ pod, notes }: Situation): number | undefined {
  const { activeDeadlineSeconds } = pod.spec;
  return activeDeadlineSeconds === undefined ? undefined : notes.accepted.at + activeDeadlineSeconds * 1000;
}

/** An action and the time before which it must not begin. */
interface Step {
  readonly action: PodAction;
  readonly at?: number | undefined;
}

function nextSteps(situation: Situation): readonly Step[] {
  const { volumes, volumeFailure } = situation.notes;
  const prepare: Step = { action: { kind: "prepare-volumes" }, at: volumeFailure?.retryAt };
  if (volumes === "none") return [prepare];
  // Renewing them can fail too: what runs goes on with what there was.
  return [...(volumeFailure ? [prepare] : []), ...containerSteps(situation)];
}

function containerSteps(situation: Situation): readonly Step[] {
  const { pod, runtime, notes } = situation;
  const { sandbox } = runtime;
  const containers = pod.spec.containers.filter((container) => mayRun(container, situation));
  if (!sandbox?.isReady) {
    if (containers.length === 0) return [];
    const attempt = sandbox ? sandbox.attempt + 1 : 0;
    return [{ action: { kind: "run-sandbox", attempt }, at: notes.sandboxFailure?.retryAt }];
  }
  const isStarted = pod.spec.containers.some(({ name }) => stateIn(runtime, sandbox, name) !== undefined);
  const init = pod.spec.initContainers.find(({ name }) => !isInitialized(runtime, sandbox, name));
  if (isStarted || !init) return containers.flatMap((container) => stepOf(container, sandbox, situation));
  const failed = stateIn(runtime, sandbox, init.name);
  const isFinal = failed?.kind === "exited" && !restarts(pod.spec.restartPolicy, failed.exitCode, true);
  return isFinal ? [] : stepOf(init, sandbox, situation);
}

/** Whether a container has yet to run, or runs again: what ended for good stays so in a new sandbox too. */
function mayRun({ name }: Container, { pod, runtime }: Situation): boolean {
  const state = newestStarted(runtime, name)?.state;
  return state?.kind !== "exited" || restarts(pod.spec.restartPolicy, state.exitCode, false);
}

function stateIn(runtime: PodRuntime, sandbox: SandboxView, container: string): RunState | undefined {
  const run = newestStarted(runtime, container);
  return run?.sandboxId === sandbox.id ? run.state : undefined;
}

/** Init containers run again in every new sandbox (spec/kubelet.md L-72). */
function isInitialized(runtime: PodRuntime, sandbox: SandboxView, container: string): boolean {
  const state = stateIn(runtime, sandbox, container);
  return state?.kind === "exited" && state.exitCode === 0;
}

function stepOf(container: Container, sandbox: SandboxView, { runtime, notes }: Situation): readonly Step[] {
  const { name } = container;
  const state = stateIn(runtime, sandbox, name);
  if (state?.kind === "running") return [];
  const attempt = (notes.attempts.get(name) ?? -1) + 1;
  const crashRetry = state?.kind === "exited" ? notes.crashes.get(name)?.retryAt : undefined;
  const at = latest([crashRetry, notes.containerFailures.get(name)?.retryAt].filter((time) => time !== undefined));
  return [{ action: { kind: "start-container", container, attempt, sandbox }, at }];
}

/** Runs of no more use: ended ones but for the newest and the one before, and those made whose start never came to an end. */
function staleRuns({ runtime: { runs }, busy }: Situation): readonly string[] {
  return [...Map.groupBy(runs, ({ container }) => container)].flatMap(([name, own]) => {
    const ended = own.filter(({ state }) => state.kind === "exited");
    const unstarted = busy.has(`start ${name}`) ? [] : own.filter(({ state }) => state.kind === "created");
    return [...ended.slice(0, -2), ...unstarted].map(({ id }) => id);
  });
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function latest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.max(...times);
}
