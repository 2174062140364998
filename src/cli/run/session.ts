import path from "node:path";
import { geteuid } from "node:process";
import { silentLogger, systemClock } from "../../base/index.ts";
import {
  createKubelet,
  createManifestSource,
  type Kubelet,
  type ManifestSource,
  type PodEvent,
  type PodReport,
  type WorkloadStatus,
} from "../../kubelet/index.ts";
import type { RuntimeEvent } from "../../runtime/index.ts";
import { ContainerLogs } from "./container-logs.ts";
import { type Machine, thisNode } from "./machine.ts";
import { podView } from "./pod-views.ts";
import type { RunObjects } from "./read-objects.ts";
import type { PodView, Report, RunSummary } from "./report.ts";

/** Gid of guests when root starts the shim; their volumes are given to it. */
const GUEST_GROUP = 65_534;

/** Pods on a machine, and what is told about them. Disposing it stops all pods at once. */
export class RunSession implements AsyncDisposable {
  readonly #machine: Machine;
  readonly #report: Report;
  readonly #end = new AbortController();
  readonly #startedAt = systemClock.monotonic();
  readonly #finished = Promise.withResolvers<void>();
  #kubelet!: Kubelet;
  #source!: ManifestSource;
  #logs!: ContainerLogs;
  /** The last warning of each pod that something went wrong with: it is worth showing, though it may still change. */
  readonly #troubles = new Map<string, string>();
  #isDue = false;
  #isStopping = false;

  private constructor(machine: Machine, report: Report) {
    this.#machine = machine;
    this.#report = report;
  }

  static async start(machine: Machine, report: Report): Promise<RunSession> {
    const session = new RunSession(machine, report);
    await session.#start();
    return session;
  }

  /** Resolves when every workload has come to its end: never while one serves. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Makes these objects what runs. Throws a Failure for a local module that cannot be used. */
  async apply({ objects }: RunObjects, takeover: boolean): Promise<void> {
    const { local, images } = this.#machine;
    await local.update(images, this.#end.signal);
    this.#source.apply(objects, { takeover, revisionOf: (names) => local.revisionOf(names) });
    this.#changed();
  }

  workloads(): readonly WorkloadStatus[] {
    return this.#source.workloads();
  }

  /** Stops all pods within their grace periods, tells the last of their logs and the summary. */
  async stop(maxGraceSeconds: number): Promise<void> {
    this.#isStopping = true;
    const summary = await this.#summary();
    await this.#kubelet.shutdown(maxGraceSeconds);
    this.#logs.update(this.#kubelet.pods());
    await this.#logs.finish();
    this.#report.summary(summary);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#source[Symbol.dispose]();
    await this.#kubelet[Symbol.asyncDispose]();
    await this.#logs.finish();
  }

  async #start(): Promise<void> {
    const { runtime, scratch } = this.#machine;
    this.#kubelet = await createKubelet({
      runtime: runtime.runtimeService,
      images: runtime.imageService,
      clock: systemClock,
      log: silentLogger,
      root: path.join(scratch, "kubelet"),
      ...(geteuid?.() === 0 ? { guestGroup: GUEST_GROUP } : {}),
      node: thisNode(),
      onChange: () => this.#changed(),
      onEvent: (event) => this.#tell(event),
    });
    this.#source = createManifestSource({ kubelet: this.#kubelet, clock: systemClock });
    this.#logs = new ContainerLogs({
      kubelet: this.#kubelet,
      clock: systemClock,
      onLine: (line) => this.#report.log(line),
      onError: (error) => this.#report.warn(`A log cannot be read: ${String(error)}`),
    });
    void this.#followRuntime();
  }

  /** Changes come in bursts: they are told once the loop has turned. */
  #changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      // Nothing new is to start any more.
      if (!this.#isStopping) this.#source.reconcile();
      const reports = this.#kubelet.pods();
      // That pods end one after another is no news once it was asked for.
      if (!this.#isStopping) this.#report.state(reports.map((each) => this.#view(each)));
      this.#logs.update(reports);
      const workloads = this.workloads();
      if (workloads.length > 0 && workloads.every(({ outcome }) => outcome !== "running")) this.#finished.resolve();
    });
  }

  #view(report: PodReport): PodView {
    const view = podView(report, this.#machine.runtime.observe);
    const trouble = this.#troubles.get(report.pod.metadata.uid);
    if (trouble === undefined) return view;
    const explained = view.containers.map((each) =>
      each.message === undefined && each.state === "ContainerCreating" ? { ...each, message: trouble } : each,
    );
    return { ...view, isSettled: true, containers: explained };
  }

  #tell({ type, pod, container, reason, message }: PodEvent): void {
    if (type === "Warning") this.#troubles.set(pod.metadata.uid, message);
    this.#report.event({
      type,
      pod: pod.metadata.name,
      ...(container === undefined ? {} : { container }),
      reason,
      message,
    });
  }

  async #followRuntime(): Promise<void> {
    for await (const event of this.#machine.runtime.observe.events(this.#end.signal)) this.#take(event);
  }

  #take(event: RuntimeEvent): void {
    switch (event.kind) {
      case "pull-progress": {
        const { image, receivedBytes, totalBytes } = event;
        return this.#report.progress({ kind: "pulling", image, receivedBytes, totalBytes });
      }
      case "preparing":
        return this.#report.progress({ kind: "preparing", image: event.image });
      case "pulled":
        return undefined;
      case "prepared":
        return this.#report.progress({ kind: "done", image: event.image });
      case "routes-changed":
        return this.#changed();
      case "shim-restarted":
        return this.#report.warn(`The process that runs guests was replaced: ${event.reason}`);
    }
  }

  async #summary(): Promise<RunSummary> {
    const { observe } = this.#machine.runtime;
    const containers = await Promise.all(
      this.#kubelet.pods().map(async ({ pod, sandboxId }) => {
        const counts = sandboxId === undefined ? [] : await observe.requests(sandboxId);
        return counts.map((count) => ({ pod: pod.metadata.name, ...count }));
      }),
    );
    return { durationMs: systemClock.monotonic() - this.#startedAt, containers: containers.flat() };
  }
}
