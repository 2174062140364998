import type { Clock } from "../../base/index.ts";
import { type Job, podKey, type PodSpec } from "../api/index.ts";
import type { Kubelet, SyncOptions } from "../kubelet.ts";
import type { KubernetesObject } from "../manifests/parse-object.ts";
import type { PodReport, PodStatus } from "../status/pod-status.ts";
import { expandObject } from "./expand.ts";
import { isSameJob, JobRun, reportsIn } from "./job-run.ts";
import { PodVersions } from "./versions.ts";

export interface ApplyOptions extends SyncOptions {
  /**
   * Text that stands for what the pods depend on and their manifests do not say: contents of local modules. A pod with another
   * revision than before is another version. Called with the images of each pod. @default nothing
   */
  readonly revisionOf?: (images: readonly string[]) => string;
}

/** How far a Pod, Deployment, ReplicaSet or Job has come. */
export interface WorkloadStatus {
  readonly kind: "Pod" | "Deployment" | "ReplicaSet" | "Job";
  readonly namespace: string;
  readonly name: string;
  /**
   * `running`: more is to come, or it serves. `succeeded` and `failed` are final: a Pod or Job whose commands have all ended. A pod
   * that restarts for ever (CrashLoopBackOff) is `running`.
   */
  readonly outcome: "running" | "succeeded" | "failed";
  readonly message?: string;
}

export interface ManifestSourceOptions {
  readonly kubelet: Kubelet;
  readonly clock: Clock;
}

/** Manifests as a source of pods: does what a cluster's controllers would do for them. */
export interface ManifestSource extends Disposable {
  /** Makes these objects what is to run. Level-based, as `Kubelet.sync`. */
  apply(objects: readonly KubernetesObject[], options?: ApplyOptions): void;
  /** Call after each change of a pod: jobs make their next pods. */
  reconcile(): void;
  workloads(): readonly WorkloadStatus[];
}

/** A source with no objects yet. Disposing it ends its timers; the kubelet's pods stay. */
export function createManifestSource(options: ManifestSourceOptions): ManifestSource {
  return new Source(options);
}

class Source implements ManifestSource {
  readonly #kubelet: Kubelet;
  readonly #clock: Clock;
  readonly #versions = new PodVersions();
  readonly #jobs = new Map<string, JobRun>();
  #objects: readonly KubernetesObject[] = [];
  #options: ApplyOptions = {};
  #timer: Disposable | undefined;

  constructor({ kubelet, clock }: ManifestSourceOptions) {
    this.#kubelet = kubelet;
    this.#clock = clock;
  }

  apply(objects: readonly KubernetesObject[], options: ApplyOptions = {}): void {
    this.#objects = objects;
    this.#options = options;
    this.#takeJobs(objects.filter((object) => object.kind === "Job"));
    this.#advanceJobs();
    this.#sync();
  }

  reconcile(): void {
    if (this.#advanceJobs()) this.#sync();
  }

  workloads(): readonly WorkloadStatus[] {
    const reports = this.#kubelet.pods();
    return this.#objects.flatMap((object): WorkloadStatus[] => {
      const { kind, metadata } = object;
      if (kind === "ConfigMap" || kind === "Secret") return [];
      const base = { kind, namespace: metadata.namespace, name: metadata.name } as const;
      if (kind === "Job") return [{ ...base, ...outcomeOfJob(this.#jobs.get(podKey(object))) }];
      if (kind !== "Pod") return [{ ...base, outcome: "running" }];
      return [{ ...base, ...outcomeOfPod(reportsIn(metadata.namespace, reports).get(metadata.name)) }];
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  /** Jobs that are new or changed begin from the start. */
  #takeJobs(jobs: readonly Job[]): void {
    const wanted = new Map(jobs.map((job) => [podKey(job), job]));
    for (const [key, { job }] of this.#jobs) {
      const now = wanted.get(key);
      if (now && isSameJob(now, job)) wanted.delete(key);
      else this.#jobs.delete(key);
    }
    for (const [key, job] of wanted) this.#jobs.set(key, new JobRun(job));
  }

  #advanceJobs(): boolean {
    const now = this.#clock.monotonic();
    const reports = this.#kubelet.pods();
    const changes = [...this.#jobs.values()].map((run) =>
      run.advance(reportsIn(run.job.metadata.namespace, reports), now),
    );
    const due = [...this.#jobs.values()].map(({ plan }) => (plan.state === "running" ? plan.retryAt : undefined));
    const next = Math.min(...due.filter((at) => at !== undefined));
    this.#timer?.[Symbol.dispose]();
    this.#timer = Number.isFinite(next) ? this.#clock.after(next - now, () => this.reconcile()) : undefined;
    return changes.some(Boolean);
  }

  #sync(): void {
    const { revisionOf = () => "" } = this.#options;
    const instances = [
      ...this.#objects.flatMap((object) => expandObject(object)),
      ...[...this.#jobs.values()].flatMap((run) => run.pods),
    ];
    const pods = instances.map((instance) => this.#versions.take(instance, revisionOf(imagesOf(instance.spec))));
    this.#versions.keep(pods);
    const configMaps = this.#objects.filter((object) => object.kind === "ConfigMap");
    const secrets = this.#objects.filter((object) => object.kind === "Secret");
    this.#kubelet.sync({ pods, configMaps, secrets }, this.#options);
  }
}

function imagesOf({ initContainers, containers }: PodSpec): readonly string[] {
  return [...initContainers, ...containers].map(({ image }) => image);
}

type Outcome = Pick<WorkloadStatus, "outcome" | "message">;

function outcomeOfJob(run: JobRun | undefined): Outcome {
  const plan = run?.plan;
  if (plan?.state === "failed") return { outcome: "failed", message: plan.message };
  return { outcome: plan?.state ?? "running" };
}

function outcomeOfPod(report: PodReport | undefined): Outcome {
  switch (report?.status.phase) {
    case "Succeeded":
      return { outcome: "succeeded" };
    case "Failed":
      return { outcome: "failed", message: whyFailed(report.status) };
    case "Pending":
    case "Running":
    case undefined:
      return { outcome: "running" };
  }
}

function whyFailed({ message, initContainerStatuses, containerStatuses }: PodStatus): string {
  if (message !== undefined) return message;
  const failed = [...initContainerStatuses, ...containerStatuses].flatMap(({ name, state }) =>
    state.kind === "terminated" && state.exitCode !== 0
      ? [
          `container ${name}: ${state.reason} (exit code ${state.exitCode})${state.message === undefined ? "" : `: ${state.message}`}`,
        ]
      : [],
  );
  return failed.join("; ");
}
