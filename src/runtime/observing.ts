import type { Containers } from "./containers.ts";
import type { Observe, RouteStatus } from "./observe.ts";
import { type ContainerRecord, isRunning, type SandboxRecord } from "./state.ts";
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
      const records = store.containersOf(podSandboxId).filter(({ module }) => module !== undefined);
      await Promise.all(records.map((record) => containers.refreshUsage(record)));
      return [...sumByName(records)].map(([container, counts]) => ({ container, ...counts }));
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

/** Over all attempts of a container: a restart does not forget what was answered before. */
function sumByName(records: readonly ContainerRecord[]): Map<string, { requests: number; failures: number }> {
  const sums = new Map<string, { requests: number; failures: number }>();
  for (const { config, usage } of records) {
    const sum = sums.get(config.metadata.name) ?? { requests: 0, failures: 0 };
    sums.set(config.metadata.name, {
      requests: sum.requests + usage.requests,
      failures: sum.failures + usage.failures,
    });
  }
  return sums;
}
