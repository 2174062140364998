import type { Pod } from "../api/index.ts";
import type { PodAction } from "../pods/decide.ts";
import {
  type Ending,
  noteContainerFailure,
  noteContainerStarted,
  noteSandbox,
  noteSandboxFailure,
  noteVolumeFailure,
  noteVolumes,
  type PodNotes,
} from "../pods/notes.ts";
import { preparePodVolumes } from "../volumes/pod-volumes.ts";
import { placementOf, type Tell, type WorkerContext } from "./context.ts";
import { StartFailure } from "./obtain-image.ts";
import { sandboxConfig } from "./sandbox-config.ts";
import { startContainer } from "./start-container.ts";

export interface ActionContext {
  readonly context: WorkerContext;
  readonly pod: Pod;
  readonly takeoverFrom: string | undefined;
  readonly podIP: string | undefined;
  /** Aborts when the pod ends: pulls are broken off, stops are not. */
  readonly signal: AbortSignal;
  readonly tell: Tell;
}

/** What the worker is to remember of an action. */
export interface ActionResult {
  readonly change?: (notes: PodNotes, now: number) => PodNotes;
  readonly ending?: Pick<Ending, "cause">;
}

/** Does what was decided. Failures that Kubernetes has a place for become notes; others are thrown. */
export async function runAction(action: PodAction, on: ActionContext): Promise<ActionResult> {
  const { runtime } = on.context;
  switch (action.kind) {
    case "prepare-volumes":
      return prepareVolumes(on);
    case "run-sandbox":
      return runSandbox(action, on);
    case "start-container":
      return start(action, on);
    case "stop-container": {
      const { container, graceSeconds } = action;
      on.tell({ type: "Normal", container, reason: "Killing", message: `Stopping container ${container}` });
      await runtime.stopContainer(action.id, graceSeconds);
      return {};
    }
    case "stop-sandbox":
      await runtime.stopPodSandbox(action.id);
      return {};
    case "remove-sandbox":
      await runtime.removePodSandbox(action.id);
      return {};
    case "remove-container":
      await runtime.removeContainer(action.id);
      return {};
    case "end": {
      const message = "Pod was active on the node longer than the specified deadline";
      on.tell({ type: "Normal", reason: "DeadlineExceeded", message });
      return { ending: { cause: action.cause } };
    }
  }
}

async function prepareVolumes({ context, pod, podIP, tell }: ActionContext): Promise<ActionResult> {
  const { folders, objects, node, access } = context;
  try {
    const placement = placementOf(node, podIP);
    await preparePodVolumes(folders.volumes(pod), { pod, objects: objects(), placement }, access);
    return { change: noteVolumes };
  } catch (error) {
    const { message } = error as Error;
    tell({ type: "Warning", reason: "FailedMount", message });
    return { change: (notes, now) => noteVolumeFailure(notes, message, now) };
  }
}

async function runSandbox(
  { attempt }: Extract<PodAction, { kind: "run-sandbox" }>,
  { context, pod, takeoverFrom, signal, tell }: ActionContext,
): Promise<ActionResult> {
  const { runtime, folders } = context;
  if (attempt > 0) {
    const message = "Pod sandbox changed, it will be killed and re-created.";
    tell({ type: "Normal", reason: "SandboxChanged", message });
  }
  try {
    await runtime.runPodSandbox(sandboxConfig(pod, { attempt, logDirectory: folders.logs(pod), takeoverFrom }), signal);
    return { change: noteSandbox };
  } catch (error) {
    const { message } = error as Error;
    if (!signal.aborted)
      tell({ type: "Warning", reason: "FailedCreatePodSandBox", message: `Failed to create pod sandbox: ${message}` });
    return { change: (notes, now) => noteSandboxFailure(notes, message, now) };
  }
}

async function start(
  { container, attempt, sandbox }: Extract<PodAction, { kind: "start-container" }>,
  { context, pod, signal, tell }: ActionContext,
): Promise<ActionResult> {
  try {
    await startContainer(context, { pod, container, attempt, sandbox }, tell, signal);
    return { change: (notes) => noteContainerStarted(notes, container.name) };
  } catch (error) {
    if (signal.aborted) return {};
    if (!(error instanceof StartFailure)) throw error;
    const { reason, message } = error;
    if (reason !== "ErrImagePull" && reason !== "ErrImageNeverPull")
      tell({ type: "Warning", container: container.name, reason: "Failed", message: `Error: ${message}` });
    return { change: (notes, now) => noteContainerFailure(notes, container.name, { reason, message }, now) };
  }
}
