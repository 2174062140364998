import { type BackoffPolicy, backoffDelayMs } from "../../base/index.ts";
import type { Job } from "../api/index.ts";

/** A pod of a job, as far as the job is concerned. */
export interface JobPod {
  readonly outcome: "active" | "succeeded" | "failed";
  /** Restarts of all its containers. */
  readonly restarts: number;
}

export type JobPlan =
  /** `create` pods are to be made now; with `retryAt` (monotonic milliseconds) more are due then. */
  | { readonly state: "running"; readonly create: number; readonly retryAt?: number }
  | { readonly state: "succeeded" }
  /** Pods that are still active are to end. */
  | { readonly state: "failed"; readonly message: string };

/** Kubernetes' delay between failed pods of a job: 10 s doubling to 6 minutes. */
const RETRY: BackoffPolicy = { initialMs: 10_000, maxMs: 360_000, resetAfterMs: 0 };

/**
 * What a job needs next. Done when `completions` pods succeeded; without `completions`, when one did and the others have ended. Failed when
 * more pods failed (with `restartPolicy: OnFailure`: or restarted) than `backoffLimit`. `lastFailureAt` and `now` are monotonic milliseconds.
 */
export function planJob(
  { spec }: Pick<Job, "spec">,
  pods: readonly JobPod[],
  now: number,
  lastFailureAt = Number.NEGATIVE_INFINITY,
): JobPlan {
  const { completions, backoffLimit } = { ...spec, completions: completionsOf(spec) };
  const count = (outcome: JobPod["outcome"]) => pods.filter((pod) => pod.outcome === outcome).length;
  const [succeeded, failed, active] = [count("succeeded"), count("failed"), count("active")];
  const isDone = completions === undefined ? succeeded > 0 && active === 0 : succeeded >= completions;
  if (isDone) return { state: "succeeded" };
  const restarts = pods.reduce((sum, pod) => sum + (pod.outcome === "active" ? pod.restarts : 0), 0);
  if (failed + restarts > backoffLimit) {
    const what = restarts > 0 ? `${failed} pods failed and ${restarts} restarts` : `${failed} pods failed`;
    return { state: "failed", message: `${what}; backoffLimit is ${backoffLimit}` };
  }
  const missing = wantedActive(spec, completions, succeeded) - active;
  if (missing <= 0) return { state: "running", create: 0 };
  const retryAt = lastFailureAt + backoffDelayMs(RETRY, failed);
  return failed > 0 && now < retryAt ? { state: "running", create: 0, retryAt } : { state: "running", create: missing };
}

/** Kubernetes: one completion unless `parallelism` alone is given, which asks for a work queue. */
function completionsOf({ completions, parallelism }: Job["spec"]): number | undefined {
  return completions ?? (parallelism === 1 ? 1 : undefined);
}

function wantedActive({ parallelism }: Job["spec"], completions: number | undefined, succeeded: number): number {
  // Of a work queue nothing is begun any more once one pod found it empty.
  if (completions === undefined) return succeeded > 0 ? 0 : parallelism;
  return Math.min(parallelism, completions - succeeded);
}
