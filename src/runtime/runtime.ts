import type { Clock, Logger } from "../base/index.ts";
import type { ImageService, RuntimeService } from "../cri/index.ts";
import type { ClientNotice, ShimClient } from "../shim/index.ts";
import { type PodLimits, resolveLimits } from "./annotations/index.ts";
import { Containers } from "./containers.ts";
import { DEFAULT_GUEST_IDENTITY, type GuestIdentity } from "./guest-access.ts";
import { type ImageSource, type PrepareLimits, resolvePrepareLimits, RuntimeImages } from "./images/index.ts";
import { Listeners } from "./listeners.ts";
import { resolveRotation, type Rotation } from "./logs/index.ts";
import { LoadedModules } from "./modules.ts";
import { createObserve } from "./observing.ts";
import type { Observe } from "./observe.ts";
import { createRuntimeService } from "./runtime-service.ts";
import { Sandboxes } from "./sandboxes.ts";
import { RuntimeStore } from "./store.ts";

export interface RuntimeSettings {
  /** Replaces every WAGI pod's own listen address, as `IP:port`. */
  readonly address?: string;
  /** Limits of pods that set none of their own; the rest are defaults of `LIMITS`. */
  readonly limits?: Partial<PodLimits>;
  /** Rotation of container logs. @default 10 MiB, 5 files */
  readonly rotation?: Partial<Rotation>;
  /** What preparing one module may cost. @default 60 s, 1 GiB of JavaScript heap */
  readonly prepare?: Partial<PrepareLimits>;
  /** Who guests run as when this process is root: folders that they may not enter are refused. @default uid and gid 65534 */
  readonly guestIdentity?: GuestIdentity;
  /**
   * Folders below which `volumes` of the WAGI annotation may lie. The annotation passes by admission policies for host paths, so
   * a node allows none; `wasipool run` allows what its user may read. @default none
   */
  readonly annotationRoots?: readonly string[];
  /** Address that pods without a network of their own are reached at. @default 127.0.0.1 */
  readonly nodeIp?: string;
  /** Version that CRI clients are told. @default 0.0.0 */
  readonly version?: string;
}

export interface RuntimeOptions {
  /** Starts the shim; the runtime closes it. */
  readonly startShim: (onNotice: (notice: ClientNotice) => void | Promise<void>) => Promise<ShimClient>;
  readonly images: ImageSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings?: RuntimeSettings;
}

/** The CRI runtime. Disposing it ends every container and closes every socket. */
export interface Runtime extends AsyncDisposable {
  readonly runtimeService: RuntimeService;
  readonly imageService: ImageService;
  readonly observe: Observe;
}

/** Starts the runtime with a shim process. Rejects when the shim cannot be started or a setting is out of its bounds. */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { clock, log, settings = {} } = options;
  const limits = resolveLimits(settings.limits);
  const rotation = resolveRotation(settings.rotation);
  const prepareLimits = resolvePrepareLimits(settings.prepare);
  const store = new RuntimeStore();
  // The shim tells nothing before it is asked for something, so these are set before the first notice.
  const receiver: { take?: (notice: ClientNotice) => void | Promise<void> } = {};
  const shim = await options.startShim((notice) => receiver.take?.(notice));
  const images = new RuntimeImages({
    source: options.images,
    clock,
    limits: prepareLimits,
    onEvent: (event) => store.runtimeEvents.publish(event),
  });
  const listeners = new Listeners((sandbox) => store.podName(sandbox));
  const modules = new LoadedModules(shim, clock, (error) => log.error("module not unloaded", { error: String(error) }));
  const sandboxes = new Sandboxes({
    store,
    shim,
    listeners,
    clock,
    log,
    limits,
    ...(settings.address === undefined ? {} : { address: settings.address }),
    nodeIp: settings.nodeIp ?? "127.0.0.1",
  });
  const containers = new Containers({
    store,
    shim,
    images,
    modules,
    clock,
    log,
    rotation,
    folders: {
      annotationRoots: settings.annotationRoots ?? [],
      guest: settings.guestIdentity ?? DEFAULT_GUEST_IDENTITY,
    },
    onServing: (sandbox) => sandboxes.serving(sandbox),
  });
  receiver.take = noticeTaker(containers, store, log);
  return {
    runtimeService: createRuntimeService({ store, sandboxes, containers, shim, version: settings.version ?? "0.0.0" }),
    imageService: images,
    observe: createObserve(store, containers),
    async [Symbol.asyncDispose]() {
      modules[Symbol.dispose]();
      await Promise.all([...store.sandboxes.keys()].map((id) => sandboxes.stop(id, containers)));
      await containers[Symbol.asyncDispose]();
      await images[Symbol.asyncDispose]();
      await shim.close();
      listeners[Symbol.dispose]();
    },
  };
}

function noticeTaker(containers: Containers, store: RuntimeStore, log: Logger) {
  return (notice: ClientNotice): void | Promise<void> => {
    switch (notice.event) {
      case "log":
        return containers.output(notice.container, notice.stream, notice.text);
      case "exited":
        containers.exited(notice.container, notice.exit);
        return;
      case "worker-replaced":
        log.error("gateway worker replaced", { reason: notice.reason, lostRequests: notice.lostRequests });
        return;
      case "shim-restarted":
        containers.shimRestarted();
        log.error("shim restarted", { reason: notice.reason, downMs: notice.downMs });
        store.runtimeEvents.publish({ kind: "shim-restarted", reason: notice.reason });
        return;
    }
  };
}
