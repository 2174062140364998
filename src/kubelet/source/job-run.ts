import type { Job, Pod } from "../api/index.ts";
import type { PodReport } from "../status/pod-status.ts";
import { instantiate, type PodTemplateInstance } from "./expand.ts";
import { type JobPlan, type JobPod, planJob } from "./job.ts";

interface MadePod {
  readonly instance: PodTemplateInstance;
  outcome: JobPod["outcome"];
  restarts: number;
}

/** A pod that was made for a job. */
interface MadePod {
  readonly instance: PodTemplateInstance;
  outcome: JobPod["outcome"];
  restarts: number;
}

/** One job under way: the pods made for it so far and how they ended. */
export class JobRun {
  readonly job: Job;
  readonly #names = new Set<string>();
  readonly #pods: MadePod[] = [];
  #lastFailureAt = Number.NEGATIVE_INFINITY;
  #plan: JobPlan = { state: "running", create: 0 };

  constructor(job: Job) {
    this.job = job;
  }

  get plan(): JobPlan {
    return this.#plan;
  }

  /** The pods that are to be there: those that ended too, for people to look at; active ones not once the job has failed. */
  get pods(): readonly PodTemplateInstance[] {
    const wanted =
      this.#plan.state === "failed" ? this.#pods.filter(({ outcome }) => outcome !== "active") : this.#pods;
    return wanted.map(({ instance }) => instance);
  }

  /** Takes in how its pods are and makes those that are due. Answers whether the pods wanted are others than before. */
  advance(reports: ReadonlyMap<string, PodReport>, now: number): boolean {
    if (this.#plan.state !== "running") return false;
    for (const pod of this.#pods) this.#note(pod, reports.get(pod.instance.metadata.name), now);
    this.#plan = planJob(this.job, this.#pods, now, this.#lastFailureAt);
    if (this.#plan.state === "failed") return true;
    const create = this.#plan.state === "running" ? this.#plan.create : 0;
    for (let made = 0; made < create; made++) this.#add();
    return create > 0;
  }

  #note(pod: MadePod, report: PodReport | undefined, now: number): void {
    if (!report || pod.outcome !== "active") return;
    const { phase, containerStatuses, initContainerStatuses } = report.status;
    const statuses = [...initContainerStatuses, ...containerStatuses];
    pod.restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
    if (phase === "Succeeded") pod.outcome = "succeeded";
    if (phase !== "Failed") return;
    pod.outcome = "failed";
    this.#lastFailureAt = now;
  }

  #add(): void {
    const instance = instantiate(this.job, this.job.spec.template, this.#pods.length, this.#names);
    this.#pods.push({ instance, outcome: "active", restarts: 0 });
  }
}

/** Whether two versions of a job ask for the same. */
export function isSameJob(one: Job, other: Job): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Reports of one namespace by the name of the pod; of several versions the newest. */
export function reportsIn(namespace: string, reports: readonly PodReport[]): ReadonlyMap<string, PodReport> {
  const own = reports.filter(({ pod }) => pod.metadata.namespace === namespace);
  return new Map(own.map((report): [Pod["metadata"]["name"], PodReport] => [report.pod.metadata.name, report]));
}
