import type { Clock, Logger } from "../../base/index.ts";
import type { ImageService, RuntimeService } from "../../cri/index.ts";
import type { Pod } from "../api/index.ts";
import type { ConfigObjects } from "../config-objects.ts";
import type { Placement } from "../environment/field-value.ts";
import type { NodeInfo } from "../kubelet.ts";
import type { PodEvent } from "../status/pod-status.ts";
import type { GuestAccess } from "../volumes/guest-access.ts";
import type { PodFolders } from "./pod-folders.ts";

/** What the workers of all pods share. */
export interface WorkerContext {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: NodeInfo;
  readonly folders: PodFolders;
  readonly access: GuestAccess;
  /** ConfigMaps and Secrets as they are now. */
  readonly objects: () => ConfigObjects;
  readonly onEvent: (event: PodEvent) => void;
}

/** Tells an event of one pod. */
export type Tell = (event: Omit<PodEvent, "pod">) => void;

export function placementOf({ name, ip, cpus, memoryBytes }: NodeInfo, podIP: string | undefined): Placement {
  return { nodeName: name, hostIP: ip, podIP, cpus, memoryBytes };
}

export function podTitle({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}
