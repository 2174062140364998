import { type AuthConfig, CriError, type ImageService } from "../../cri/index.ts";
import type { Clock } from "../../base/index.ts";
import type { Container, Pod } from "../api/index.ts";
import type { ConfigObjects } from "../config-objects.ts";
import type { ContainerFailure } from "../pods/notes.ts";
import type { Tell } from "./context.ts";
import { pullCredentials } from "./pull-secrets.ts";

export interface ImageContext {
  readonly images: ImageService;
  readonly clock: Clock;
  readonly objects: () => ConfigObjects;
}

/** Why a container cannot start now. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly reason: ContainerFailure["reason"];

  constructor(reason: ContainerFailure["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Makes a container's image present as its pull policy says; answers its reference by digest. Throws StartFailure. */
export async function obtainImage(
  { images, clock, objects }: ImageContext,
  pod: Pod,
  container: Container,
  tell: Tell,
  signal: AbortSignal,
): Promise<string> {
  const { image, imagePullPolicy, name } = container;
  if (imagePullPolicy !== "Always") {
    const present = await findPresent(images, image);
    if (present !== undefined) {
      const message = `Container image "${image}" already present on machine and can be accessed by the pod`;
      tell({ type: "Normal", container: name, reason: "Pulled", message });
      return present;
    }
    if (imagePullPolicy === "Never") throw neverPulled(container, tell);
  }
  const { credentials, unusable } = pullCredentials(pod, image, objects());
  if (unusable.length > 0) {
    const message = `Unable to retrieve some image pull secrets (${unusable.join(", ")}); attempting to pull the image may not succeed.`;
    tell({ type: "Warning", reason: "FailedToRetrieveImagePullSecret", message });
  }
  tell({ type: "Normal", container: name, reason: "Pulling", message: `Pulling image "${image}"` });
  const started = clock.monotonic();
  try {
    const reference = await pull(images, image, credentials, signal);
    const seconds = ((clock.monotonic() - started) / 1000).toFixed(3);
    tell({
      type: "Normal",
      container: name,
      reason: "Pulled",
      message: `Successfully pulled image "${image}" in ${seconds}s`,
    });
    return reference;
  } catch (cause) {
    throw pullFailure(container, cause, tell, signal);
  }
}

async function findPresent(images: ImageService, image: string): Promise<string | undefined> {
  try {
    return (await images.imageStatus(image))?.id;
  } catch (cause) {
    throw new StartFailure("InvalidImageName", (cause as Error).message, { cause });
  }
}

function neverPulled({ image, name }: Container, tell: Tell): StartFailure {
  const message = `Container image "${image}" is not present with pull policy of Never`;
  tell({ type: "Warning", container: name, reason: "ErrImageNeverPull", message });
  return new StartFailure("ErrImageNeverPull", message);
}

/** Tries the credentials one after the other; the last error counts. */
async function pull(
  images: ImageService,
  image: string,
  credentials: readonly AuthConfig[],
  signal: AbortSignal,
): Promise<string> {
  const [first, ...others] = credentials;
  try {
    return await images.pullImage(image, first, signal);
  } catch (error) {
    const mayHelp = error instanceof CriError && (error.code === "UNAUTHENTICATED" || error.code === "NOT_FOUND");
    if (!mayHelp || others.length === 0 || signal.aborted) throw error;
    return pull(images, image, others, signal);
  }
}

function pullFailure({ image, name }: Container, cause: unknown, tell: Tell, signal: AbortSignal): Error {
  const { message } = cause as Error;
  if (signal.aborted) return new StartFailure("ErrImagePull", message, { cause });
  if (cause instanceof CriError && cause.code === "INVALID_ARGUMENT") {
    tell({ type: "Warning", container: name, reason: "InspectFailed", message });
    return new StartFailure("InvalidImageName", message, { cause });
  }
  tell({ type: "Warning", container: name, reason: "Failed", message: `Failed to pull image "${image}": ${message}` });
  return new StartFailure("ErrImagePull", message, { cause });
}
