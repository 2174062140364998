import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../api/index.ts";
import { type JobPod, type JobPlan, planJob } from "./job.ts";

type Spec = Partial<Pick<Job["spec"], "completions" | "parallelism" | "backoffLimit">>;

function jobWith({ completions, parallelism = 1, backoffLimit = 6 }: Spec): Pick<Job, "spec"> {
  return { spec: { completions, parallelism, backoffLimit } as Job["spec"] };
}

/** `s` succeeded, `f` failed, `a` active, a digit: active with so many restarts. */
function pods(text: string): readonly JobPod[] {
  return Array.from(text, (letter): JobPod => {
    if (letter === "s") return { outcome: "succeeded", restarts: 0 };
    if (letter === "f") return { outcome: "failed", restarts: 0 };
    return { outcome: "active", restarts: letter === "a" ? 0 : Number(letter) };
  });
}

const running = (create: number): JobPlan => ({ state: "running", create });

const CASES: readonly [spec: Spec, pods: string, now: number, plan: JobPlan][] = [
  [{}, "", 0, running(1)],
  [{}, "a", 0, running(0)],
  [{}, "s", 0, { state: "succeeded" }],
  [{ completions: 3 }, "ss", 0, running(1)],
  [{ completions: 3, parallelism: 2 }, "", 0, running(2)],
  [{ completions: 3, parallelism: 2 }, "sa", 0, running(1)],
  [{ completions: 3, parallelism: 2 }, "ssa", 0, running(0)],
  [{ completions: 3, parallelism: 2 }, "sss", 0, { state: "succeeded" }],
  [{ completions: 0 }, "", 0, { state: "succeeded" }],
  [{ parallelism: 0, completions: 1 }, "", 0, running(0)],
  [{ parallelism: 3 }, "", 0, running(3)],
  [{ parallelism: 3 }, "saa", 0, running(0)],
  [{ parallelism: 3 }, "sss", 0, { state: "succeeded" }],
  [{}, "f", 10_999, { state: "running", create: 0, retryAt: 11_000 }],
  [{}, "f", 11_000, running(1)],
  [{}, "ff", 20_999, { state: "running", create: 0, retryAt: 21_000 }],
  [{ backoffLimit: 0 }, "f", 0, { state: "failed", message: "1 pods failed; backoffLimit is 0" }],
  [{ backoffLimit: 1 }, "fa", 0, running(0)],
  [{ backoffLimit: 1 }, "ff", 0, { state: "failed", message: "2 pods failed; backoffLimit is 1" }],
  [{ backoffLimit: 2 }, "2", 0, running(0)],
  [{ backoffLimit: 2 }, "3", 0, { state: "failed", message: "0 pods failed and 3 restarts; backoffLimit is 2" }],
]; // oxfmt-ignore

test("planJob() answers how far a job is and how many pods it needs", async (t) => {
  for (const [spec, made, now, plan] of CASES)
    await t.test(`${JSON.stringify(spec)} ${made || "none"} at ${now}`, () =>
      assert.deepEqual(planJob(jobWith(spec), pods(made), now, 1000), plan),
    );
});
