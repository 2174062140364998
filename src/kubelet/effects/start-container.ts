import type { Container, Pod } from "../api/index.ts";
import { makeEnvironment } from "../environment/make-environment.ts";
import type { SandboxView } from "../pods/pod-runtime.ts";
import { foldersOf, type VolumeFolder } from "../volumes/pod-volumes.ts";
import { containerConfig } from "./container-config.ts";
import { placementOf, type Tell, type WorkerContext } from "./context.ts";
import { obtainImage, StartFailure } from "./obtain-image.ts";
import { sandboxConfig } from "./sandbox-config.ts";

export interface StartRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly sandbox: SandboxView;
}

/** Takes a container from its spec to running: image, environment, folders, create, start. Throws StartFailure with the reason. */
export async function startContainer(
  context: WorkerContext,
  { pod, container, attempt, sandbox }: StartRequest,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const { runtime } = context;
  const { name } = container;
  const imageRef = await obtainImage(context, pod, container, tell, signal);
  signal.throwIfAborted();
  const variables = environmentOf(context, pod, container, sandbox, tell);
  const folders = await openFolders(context, pod, container);
  try {
    const config = containerConfig(pod, container, { attempt, imageRef, variables, folders });
    const logDirectory = context.folders.logs(pod);
    const podConfig = sandboxConfig(pod, { attempt: sandbox.attempt, logDirectory });
    const id = await failingAs("CreateContainerError", runtime.createContainer(sandbox.id, config, podConfig));
    tell({ type: "Normal", container: name, reason: "Created", message: "Container created" });
    signal.throwIfAborted();
    await failingAs("RunContainerError", runtime.startContainer(id));
    tell({ type: "Normal", container: name, reason: "Started", message: "Container started" });
  } finally {
    for (const folder of folders) folder[Symbol.dispose]();
  }
}

function environmentOf(
  { objects, node }: WorkerContext,
  pod: Pod,
  container: Container,
  sandbox: SandboxView,
  tell: Tell,
): ReadonlyMap<string, string> {
  try {
    const placement = placementOf(node, sandbox.ip);
    const { variables, skipped } = makeEnvironment(container, { pod, objects: objects(), placement });
    if (skipped.length > 0) {
      const message = `Keys [${skipped.join(", ")}] were skipped since they are not valid names of variables`;
      tell({ type: "Warning", container: container.name, reason: "InvalidEnvironmentVariableNames", message });
    }
    return variables;
  } catch (cause) {
    throw new StartFailure("CreateContainerConfigError", (cause as Error).message, { cause });
  }
}

async function openFolders(context: WorkerContext, pod: Pod, container: Container): Promise<readonly VolumeFolder[]> {
  return failingAs("CreateContainerConfigError", foldersOf(context.folders.volumes(pod), pod, container));
}

async function failingAs<T>(reason: StartFailure["reason"], work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new StartFailure(reason, (cause as Error).message, { cause });
  }
}
