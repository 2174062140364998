import type { Containers } from "./containers.ts";
import type { Observe, RouteStatus } from "./observe.ts";
import { addUsage, type ContainerRecord, isRunning, NO_USAGE, type SandboxRecord, type UsageRecord } from "./state.ts";
import type { RuntimeStore } from "./store.ts";

/** Answers `Observe` from the runtime's records. */
export function createObserve(store: RuntimeStore, containers: Containers): Observe {
  return {
    events: (signal) => store.runtimeEvents.subscribe(signal),
    routes(podSandboxId) {
      const sandbox = store.sandboxes.get(podSandboxId);
      return sandbox ? routesOf(sandbox, store.containersOf(podSandboxId)) : [];
    },
    async requests(podSandboxId) {
      const sandbox = store.sandboxes.get(podSandboxId);
      if (!sandbox) return [];
      const records = store.containersOf(podSandboxId).filter(({ module }) => module !== undefined);
      await Promise.all(records.map((record) => containers.refreshUsage(record)));
      return [...sumByName(sandbox, records)].map(([container, { requests, failures }]) => ({
        container,
        requests,
        failures,
      }));
    },
  };
}

/** A module's routes as it printed them while it runs, else the one of the annotation. */
function routesOf(sandbox: SandboxRecord, records: readonly ContainerRecord[]): readonly RouteStatus[] {
  const modules = sandbox.annotations.wagi?.modules ?? [];
  return modules.flatMap(({ container, route, entrypoint }) => {
    const running = records.find((record) => record.config.metadata.name === container && isRunning(record));
    const routes = running ? running.routes : [{ route, entrypoint }];
    return routes.map((entry) => ({
      ...entry,
      url: `${sandbox.url ?? ""}${entry.route.replace(/\/\.\.\.$/, "") || "/"}`,
      container,
      ready: running !== undefined && sandbox.url !== undefined,
    }));
  });
}

/** Over all attempts of a container, also those removed since. */
function sumByName({ removed }: SandboxRecord, records: readonly ContainerRecord[]): Map<string, UsageRecord> {
  const sums = new Map(removed);
  for (const { config, usage } of records) {
    const { name } = config.metadata;
    sums.set(name, addUsage(sums.get(name) ?? NO_USAGE, usage));
  }
  return sums;
}
