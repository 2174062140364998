// A kubelet on a fake runtime, for tests of this module.
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { FakeClock, silentLogger } from "../../base/index.ts";
import type { Pod } from "../api/index.ts";
import { createKubelet, type DesiredState, type Kubelet, type SyncOptions } from "../kubelet.ts";
import { parseManifests } from "../manifests/parse-manifests.ts";
import { formatProblem } from "../manifests/problem.ts";
import { expandObject } from "../source/expand.ts";
import type { PodEvent, PodReport } from "../status/pod-status.ts";
import { podStatusText } from "../status/status-text.ts";
import { FakeRuntime } from "./fake-runtime.ts";

export interface World extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly runtime: FakeRuntime;
  readonly kubelet: Kubelet;
  readonly root: string;
  readonly events: PodEvent[];
  /** Syncs pods alone. */
  sync(pods: readonly Pod[], options?: SyncOptions & Partial<DesiredState>): void;
  /** Resolves once `isSo` holds; looks again after each change. Rejects after `MAX_WAIT_MS` without it. */
  until(isSo: () => boolean | Promise<boolean>): Promise<void>;
  /** STATUS of the pod of a name, or of its newest version. */
  status(name: string): string;
  report(name: string): PodReport;
}

/** Real files and folders are made on the way: no count of turns would do. */
const MAX_WAIT_MS = 10_000;

export async function createWorld(): Promise<World> {
  const root = await mkdtemp(path.join(os.tmpdir(), "kubelet-"));
  const clock = new FakeClock();
  const runtime = new FakeRuntime(clock);
  const events: PodEvent[] = [];
  const kubelet = await createKubelet({
    runtime,
    images: runtime,
    clock,
    log: silentLogger,
    root: path.join(root, "state"),
    node: { name: "node-1", ip: "192.0.2.1", cpus: 2, memoryBytes: 1024 ** 3 },
    onEvent: (event) => events.push(event),
  });
  const report = (name: string) => {
    const found = kubelet.pods().findLast(({ pod }) => pod.metadata.name === name);
    if (!found) throw new Error(`There is no pod ${name}`);
    return found;
  };
  return {
    clock,
    runtime,
    kubelet,
    root,
    events,
    sync: (pods, { takeover = false, configMaps = [], secrets = [] } = {}) =>
      kubelet.sync({ pods, configMaps, secrets }, { takeover }),
    async until(isSo) {
      const end = performance.now() + MAX_WAIT_MS;
      while (performance.now() < end) {
        if (await isSo()) return;
        await new Promise<void>((resolve) => void setImmediate(resolve));
      }
      const shown = kubelet
        .pods()
        .map((each) => `${each.pod.metadata.name} ${podStatusText(each)} ${JSON.stringify(each.status)}`);
      throw new Error(`It did not come to ${String(isSo)}: ${shown.join("; ")}`);
    },
    status: (name) => podStatusText(report(name)),
    report,
    async [Symbol.asyncDispose]() {
      await kubelet[Symbol.asyncDispose]();
      await rm(root, { recursive: true });
    },
  };
}

/** Pods of a manifest, with uids. Throws when it has a problem, but for warnings of paths in `ignored`. */
export function podsOf(text: string, uid = "uid-1", ignored: readonly string[] = []): readonly Pod[] {
  const { objects, problems } = parseManifests([{ source: "test", text }]);
  const problem = problems.find(({ severity, path: at }) => severity === "error" || !ignored.includes(at));
  if (problem) throw new Error(formatProblem(problem));
  return objects
    .flatMap((object) => expandObject(object))
    .map(({ metadata, spec }, index) => ({
      metadata: { ...metadata, uid: index === 0 ? uid : `${uid}-${index}` },
      spec,
    }));
}
