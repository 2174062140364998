import type { RuntimeCondition, RuntimeService } from "../cri/index.ts";
import type { ShimClient } from "../shim/index.ts";
import type { Containers } from "./containers.ts";
import type { Sandboxes } from "./sandboxes.ts";
import {
  containerStatsView,
  containerStatusView,
  containerView,
  matchesContainer,
  matchesSandbox,
  sandboxView,
} from "./state.ts";
import type { RuntimeStore } from "./store.ts";

export interface RuntimeServiceParts {
  readonly store: RuntimeStore;
  readonly sandboxes: Sandboxes;
  readonly containers: Containers;
  readonly shim: ShimClient;
  readonly version: string;
}

/** CRI's RuntimeService: each call to the part that does it. */
export function createRuntimeService({
  store,
  sandboxes,
  containers,
  shim,
  version,
}: RuntimeServiceParts): RuntimeService {
  return {
    version: () =>
      Promise.resolve({
        version: "0.1.0",
        runtimeName: "wasipool",
        runtimeVersion: version,
        runtimeApiVersion: "v1",
      }),
    status: () => Promise.resolve({ conditions: [runtimeReady(shim), NETWORK_READY] }),
    runPodSandbox: (config, signal) => sandboxes.run(config, signal),
    stopPodSandbox: (id) => sandboxes.stop(id, containers),
    removePodSandbox: (id) => sandboxes.remove(id, containers),
    podSandboxStatus: async (id) => {
      const record = store.sandbox(id);
      return { ...sandboxView(record), network: { ip: record.ip, additionalIps: [] } };
    },
    listPodSandbox: async (filter) =>
      [...store.sandboxes.values()]
        .filter((record) => matchesSandbox(record, filter))
        .map((record) => sandboxView(record)),
    createContainer: async (podSandboxId, config) => containers.create(store.sandbox(podSandboxId), config),
    startContainer: (id) => containers.start(id),
    stopContainer: (id, timeoutSeconds) => containers.stop(id, Math.max(0, timeoutSeconds) * 1000),
    removeContainer: (id) => containers.remove(id),
    containerStatus: async (id) => containerStatusView(store.container(id)),
    listContainers: async (filter) =>
      [...store.containers.values()]
        .filter((record) => matchesContainer(record, filter))
        .map((record) => containerView(record)),
    containerStats: async (id) => {
      const record = store.container(id);
      await containers.refreshUsage(record);
      return containerStatsView(record);
    },
    getContainerEvents: (signal) => store.containerEvents.subscribe(signal),
  };
}

const NETWORK_READY: RuntimeCondition = { type: "NetworkReady", status: true, reason: "", message: "" };

function runtimeReady({ pid }: ShimClient): RuntimeCondition {
  const status = pid !== undefined;
  return {
    type: "RuntimeReady",
    status,
    reason: status ? "" : "ShimRestarting",
    message: status ? "" : "The process that runs guests is being replaced",
  };
}
