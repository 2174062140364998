import { chmod, mkdir } from "node:fs/promises";
import path from "node:path";
import type { Clock, Logger } from "../base/index.ts";
import type { ImageService, RuntimeService } from "../cri/index.ts";
import type { ConfigMap, Pod, Secret } from "./api/index.ts";
import { podFolders } from "./effects/pod-folders.ts";
import { Pods } from "./pods/pods.ts";
import type { PodEvent, PodReport } from "./status/pod-status.ts";

/** What is to run here. Objects are found by namespace and name; pods are told apart by uid. */
export interface DesiredState {
  readonly pods: readonly Pod[];
  readonly configMaps: readonly ConfigMap[];
  readonly secrets: readonly Secret[];
}

export interface SyncOptions {
  /**
   * A pod that replaces another of its name (new uid) and listens on the same address is started beside it; the listener goes over
   * once all of it serves, and then the old one is stopped. If it does not come up, the old one goes on serving. Otherwise, and
   * for pods without HTTP, the old one is stopped first. @default false
   */
  readonly takeover?: boolean;
}

/** Where pods run, for the fields of theirs that ask for it. */
export interface NodeInfo {
  readonly name: string;
  readonly ip: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface KubeletOptions {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  readonly clock: Clock;
  readonly log: Logger;
  /** Folder of this kubelet's own for volumes and logs; made if missing, only its user may enter it. */
  readonly root: string;
  /**
   * Group that guests' files are given to, when guests run under a user of their own (the shim's gid under root). Without it,
   * guests run as this process's user. @default none
   */
  readonly guestGroup?: number;
  readonly node: NodeInfo;
  /** Called after each change of any pod; the state is in `pods()`. */
  readonly onChange?: () => void;
  readonly onEvent?: (event: PodEvent) => void;
}

/** Keeps pods as they are desired. Disposing it stops all pods with no grace. */
export interface Kubelet extends AsyncDisposable {
  /**
   * Makes this what is to run: adds, replaces and removes pods, and renews the volumes of those that stay. Level-based: the last call
   * counts. Returns at once; the work goes on behind.
   */
  sync(desired: DesiredState, options?: SyncOptions): void;
  /** All pods known, those being stopped included. */
  pods(): readonly PodReport[];
  /** Stops all pods, each within its own grace period and at most `maxGraceSeconds`; answers how they ended. */
  shutdown(maxGraceSeconds: number): Promise<readonly PodReport[]>;
  /** Folder of a container's logs: CRI log files `0.log`, `1.log`, …, one a run. */
  logFolder(pod: Pod, container: string): string;
}

/** Starts a kubelet with nothing to run. Rejects when its folder cannot be made. */
export async function createKubelet(options: KubeletOptions): Promise<Kubelet> {
  const folders = podFolders(options.root);
  await mkdir(options.root, { recursive: true });
  await chmod(options.root, 0o700);
  const pods = new Pods(options, folders);
  return {
    sync: (desired, syncOptions) => pods.sync(desired, syncOptions),
    pods: () => pods.reports(),
    shutdown: (maxGraceSeconds) => pods.shutdown(maxGraceSeconds),
    logFolder: (pod, container) => path.join(folders.logs(pod), container),
    [Symbol.asyncDispose]: () => pods[Symbol.asyncDispose](),
  };
}
