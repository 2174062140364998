import { sleep } from "../../base/index.ts";
import { podKey } from "../api/index.ts";
import type { Pod } from "../api/index.ts";
import { type ConfigObjects, configObjects } from "../config-objects.ts";
import type { PodFolders } from "../effects/pod-folders.ts";
import type { DesiredState, KubeletOptions, SyncOptions } from "../kubelet.ts";
import { formatListenAddress, listenAddressOf } from "../manifests/wagi.ts";
import type { PodReport } from "../status/pod-status.ts";
import { PodWorker, type PodWorkerContext } from "./pod-worker.ts";
import { planReplacement, type PodVersion, type ReplacementStep } from "./replacement.ts";

/** After an error of the runtime's stream of events. */
const RESUBSCRIBE_MS = 1000;

/** A worker and what the last `sync` wants of it. */
interface Entry {
  readonly worker: PodWorker;
  readonly mayTakeOver: boolean;
  isWanted: boolean;
  /** The report last told, as text. */
  told: string;
}

/** All pods of a kubelet: one worker each, and the order in which versions of one pod follow each other. */
export class Pods implements AsyncDisposable {
  readonly #options: KubeletOptions;
  readonly #context: PodWorkerContext;
  /** By `namespace/name`, oldest version first. */
  readonly #versions = new Map<string, Entry[]>();
  readonly #stop = new AbortController();
  readonly #events: Promise<void>;
  #objects: ConfigObjects = configObjects([], []);

  constructor(options: KubeletOptions, folders: PodFolders) {
    this.#options = options;
    const { runtime, images, clock, log, node, guestGroup, onEvent = () => {} } = options;
    this.#context = {
      runtime,
      images,
      clock,
      log,
      node,
      folders,
      access: { group: guestGroup },
      objects: () => this.#objects,
      onEvent,
      onLook: (worker) => this.#looked(worker),
    };
    this.#events = this.#watch();
  }

  sync({ pods, configMaps, secrets }: DesiredState, { takeover = false }: SyncOptions = {}): void {
    if (this.#stop.signal.aborted) throw new Error("This kubelet is shut down");
    this.#objects = configObjects(configMaps, secrets);
    const wanted = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
    for (const entry of this.#entries()) {
      entry.isWanted = wanted.delete(entry.worker.pod.metadata.uid);
      if (entry.isWanted) entry.worker.renewVolumes();
    }
    for (const pod of wanted.values()) this.#add(pod, takeover);
    for (const key of this.#versions.keys()) this.#reconcile(key);
    this.#options.onChange?.();
  }

  reports(): readonly PodReport[] {
    return this.#entries().map(({ worker }) => worker.report);
  }

  async shutdown(maxGraceSeconds: number): Promise<readonly PodReport[]> {
    this.#stop.abort(new Error("The kubelet is shutting down"));
    const workers = this.#entries().map(({ worker }) => worker);
    for (const worker of workers)
      worker.end("deleted", Math.min(maxGraceSeconds, worker.pod.spec.terminationGracePeriodSeconds));
    await Promise.all(workers.map((worker) => worker.finished));
    await this.#events;
    return workers.map((worker) => worker.report);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown(0);
  }

  #entries(): readonly Entry[] {
    return [...this.#versions.values()].flat();
  }

  #add(pod: Pod, mayTakeOver: boolean): void {
    const key = podKey(pod);
    const worker = new PodWorker(pod, this.#context);
    const entry: Entry = { worker, mayTakeOver, isWanted: true, told: "" };
    this.#versions.set(key, [...(this.#versions.get(key) ?? []), entry]);
  }

  #looked(worker: PodWorker): void {
    const key = podKey(worker.pod);
    const entry = this.#versions.get(key)?.find((each) => each.worker === worker);
    this.#reconcile(key);
    if (!entry) return;
    const { status, stage, sandboxId } = worker.report;
    const told = JSON.stringify([status, stage, sandboxId, worker.isGone]);
    if (told === entry.told) return;
    entry.told = told;
    this.#options.onChange?.();
  }

  /** Takes one pod's versions a step further, until nothing is to be done at once. */
  #reconcile(key: string): void {
    for (;;) {
      const entries = (this.#versions.get(key) ?? []).filter(({ worker }) => !worker.isGone);
      if (entries.length === 0) this.#versions.delete(key);
      else this.#versions.set(key, entries);
      if (this.#stop.signal.aborted) return;
      for (const step of planReplacement(entries.map(versionOf))) this.#take(step, entries);
      if (!entries.some(({ worker }) => worker.isGone)) return;
    }
  }

  #take(step: ReplacementStep, entries: readonly Entry[]): void {
    const worker = workerOf(entries, step.uid);
    switch (step.kind) {
      case "start": {
        const server = step.besideUid === undefined ? undefined : workerOf(entries, step.besideUid);
        worker?.start(() => (server?.listener === "held" && !server.isEnding ? server.report.sandboxId : undefined));
        return;
      }
      case "freeze":
        worker?.freeze();
        return;
      case "resume":
        worker?.resume();
        return;
      case "end":
        worker?.end("deleted", worker.pod.spec.terminationGracePeriodSeconds);
    }
  }

  /** Looks at a pod soon after something happened to one of its containers. */
  async #watch(): Promise<void> {
    const { runtime, clock, log } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const { podSandboxId } of runtime.getContainerEvents(signal)) this.#wakeOwner(podSandboxId);
      } catch (error) {
        if (!signal.aborted) log.error("runtime's events broke off", { error: String(error) });
      }
      if (signal.aborted) return;
      // Rejects only when the signal aborts, which the loop sees.
      await sleep(clock, RESUBSCRIBE_MS, signal).catch(() => {});
      for (const { worker } of this.#entries()) worker.wake();
    }
  }

  #wakeOwner(sandboxId: string): void {
    const owner = this.#entries().find(({ worker }) => worker.report.sandboxId === sandboxId);
    owner?.worker.wake();
  }
}

function workerOf(entries: readonly Entry[], uid: string): PodWorker | undefined {
  return entries.find(({ worker }) => worker.pod.metadata.uid === uid)?.worker;
}

function versionOf({ worker, isWanted, mayTakeOver }: Entry): PodVersion {
  const { pod, isStarted, isEnding, isDeleted, isIdle, listener, report } = worker;
  const address = listenAddressOf(pod);
  return {
    uid: pod.metadata.uid,
    isWanted,
    mayTakeOver,
    address: address && formatListenAddress(address),
    isStarted,
    isEnding: isDeleted,
    isIdle,
    listener: isEnding ? "none" : listener,
    hasSandbox: report.sandboxId !== undefined,
  };
}
