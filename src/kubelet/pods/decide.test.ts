import assert from "node:assert/strict";
import { test } from "node:test";
import { podsOf } from "../testing/world.ts";
import { decide, type PodAction, type Situation } from "./decide.ts";
import { newNotes, noteRuns, type PodNotes } from "./notes.ts";
import { type ContainerRun, NO_RUNTIME, type PodRuntime, type RunState } from "./pod-runtime.ts";

const SANDBOX = { id: "s0", attempt: 0, isReady: true, ip: "10.0.0.1" };
const RUNNING: RunState = { kind: "running", startedAtMs: 1000 };
const exited = (exitCode: number): RunState => ({
  kind: "exited",
  startedAtMs: 1000,
  finishedAtMs: 2000,
  exitCode,
  reason: exitCode === 0 ? "Completed" : "Error",
  message: "",
});

function run(container: string, state: RunState, { attempt = 0, sandboxId = "s0" } = {}): ContainerRun {
  const id = `${container}-${attempt}`;
  return { id, sandboxId, container, attempt, image: "i:v1", imageRef: "sha256:i", state };
}

function podWith(spec = "", init = "") {
  return podsOf(`
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  ${spec}
  initContainers: [${init}]
  containers: [{ name: a, image: i:v1 }, { name: b, image: i:v1 }]
`)[0]!;
}

interface Case {
  readonly spec?: string;
  readonly init?: string;
  readonly runtime?: PodRuntime;
  readonly notes?: Partial<PodNotes>;
  readonly busy?: readonly string[];
  readonly now?: number;
}

function decisionOf({ spec, init, runtime = NO_RUNTIME, notes, busy = [], now = 5000 }: Case) {
  const base: PodNotes = { ...newNotes(0, 0), volumes: "ready", ...notes };
  const situation: Situation = {
    pod: podWith(spec, init),
    runtime,
    notes: noteRuns(base, runtime, 2000),
    busy: new Set(busy),
    now,
  };
  return decide(situation);
}

function brief(action: PodAction): string {
  switch (action.kind) {
    case "start-container":
      return `start ${action.container.name}#${action.attempt}`;
    case "stop-container":
      return `stop ${action.id} ${action.graceSeconds}`;
    case "run-sandbox":
      return `run-sandbox#${action.attempt}`;
    case "stop-sandbox":
    case "remove-sandbox":
    case "remove-container":
      return `${action.kind} ${action.id}`;
    case "prepare-volumes":
    case "end":
      return action.kind;
  }
}

const withRuns = (...runs: ContainerRun[]): PodRuntime => ({ sandbox: SANDBOX, formerSandboxes: [], runs });
const failure = (retryAt: number) => ({ message: "m", count: 1, failedAt: 0, retryAt });

const CASES: Readonly<Record<string, Case & { readonly actions: readonly string[]; readonly wakeAt?: number; readonly isDone?: boolean }>> = {
  "nothing yet: volumes first": { notes: { volumes: "none" }, actions: ["prepare-volumes"] },
  "volumes under way": { notes: { volumes: "none" }, busy: ["prepare-volumes"], actions: [] },
  "volumes failed": { notes: { volumes: "none", volumeFailure: failure(6000) }, actions: [], wakeAt: 6000 },
  "volumes are due again": { notes: { volumes: "none", volumeFailure: failure(5000) }, actions: ["prepare-volumes"] },
  "volumes: then the sandbox": { actions: ["run-sandbox#0"] },
  "the sandbox failed": { notes: { sandboxFailure: failure(9000) }, actions: [], wakeAt: 9000 },
  "a sandbox: all containers": { runtime: withRuns(), actions: ["start a#0", "start b#0"] },
  "one container is starting": { runtime: withRuns(), busy: ["start a"], actions: ["start b#0"] },
  "one runs": { runtime: withRuns(run("a", RUNNING)), actions: ["start b#0"] },
  "all run": { runtime: withRuns(run("a", RUNNING), run("b", RUNNING)), actions: [] },
  "an image failed": {
    runtime: withRuns(run("a", RUNNING)),
    notes: { containerFailures: new Map([["b", { ...failure(15_000), reason: "ErrImagePull" }]]) },
    actions: [],
    wakeAt: 15_000,
  },
  "Always: what ended restarts, at first at once": {
    runtime: withRuns(run("a", exited(0)), run("b", exited(1))),
    actions: ["start a#1", "start b#1"],
  },
  "Always: what ended twice waits": {
    runtime: withRuns(run("a", exited(1), { attempt: 1 }), run("b", RUNNING)),
    notes: { crashes: new Map([["a", { runId: "a-0", count: 1, seenAt: 0, retryAt: 0 }]]) },
    actions: [],
    wakeAt: 12_000,
  },
  "OnFailure: only what failed": {
    spec: "restartPolicy: OnFailure",
    runtime: withRuns(run("a", exited(0)), run("b", exited(1))),
    actions: ["start b#1"],
  },
  "Never: nothing": {
    spec: "restartPolicy: Never",
    runtime: withRuns(run("a", exited(0)), run("b", exited(1))),
    actions: [],
  },
  "older runs are removed, two stay": {
    runtime: withRuns(run("a", exited(1)), run("a", exited(1), { attempt: 1 }), run("a", exited(1), { attempt: 2 }), run("a", RUNNING, { attempt: 3 }), run("b", RUNNING)),
    actions: ["remove-container a-0"],
  },
  "a run that was made and whose start broke off is replaced": {
    runtime: withRuns(run("a", { kind: "created" }), run("b", RUNNING)),
    actions: ["start a#1", "remove-container a-0"],
  },
  "a run that is being started stays": {
    runtime: withRuns(run("a", { kind: "created" }), run("b", RUNNING)),
    busy: ["start a"],
    actions: [],
  },
  "init: the first alone": { init: "{ name: i, image: i:v1 }, { name: j, image: i:v1 }", runtime: withRuns(), actions: ["start i#0"] },
  "init: the second after the first": {
    init: "{ name: i, image: i:v1 }, { name: j, image: i:v1 }",
    runtime: withRuns(run("i", exited(0))),
    actions: ["start j#0"],
  },
  "init: runs": { init: "{ name: i, image: i:v1 }", runtime: withRuns(run("i", RUNNING)), actions: [] },
  "init: failed, tried again": { init: "{ name: i, image: i:v1 }", runtime: withRuns(run("i", exited(1))), actions: ["start i#1"] },
  "init: failed for good": {
    spec: "restartPolicy: Never",
    init: "{ name: i, image: i:v1 }",
    runtime: withRuns(run("i", exited(1))),
    actions: [],
  },
  "init: not again once others have begun": {
    init: "{ name: i, image: i:v1 }",
    runtime: withRuns(run("a", RUNNING), run("b", exited(1))),
    actions: ["start b#1"],
  },
  "a lost sandbox": {
    runtime: { sandbox: { ...SANDBOX, isReady: false }, formerSandboxes: [], runs: [run("a", exited(137))] },
    actions: ["run-sandbox#1"],
  },
  "a lost sandbox with nothing left to run": {
    spec: "restartPolicy: Never",
    runtime: { sandbox: { ...SANDBOX, isReady: false }, formerSandboxes: [], runs: [run("a", exited(0)), run("b", exited(0))] },
    actions: [],
  },
  "a new sandbox after a lost one": {
    init: "{ name: i, image: i:v1 }",
    runtime: {
      sandbox: { ...SANDBOX, id: "s1", attempt: 1 },
      formerSandboxes: ["s0"],
      runs: [run("i", exited(0)), run("a", exited(137))],
    },
    actions: ["start i#1", "remove-sandbox s0"],
  },
  "a deadline to come": { spec: "activeDeadlineSeconds: 9", runtime: withRuns(run("a", RUNNING), run("b", RUNNING)), actions: [], wakeAt: 9000 },
  "a deadline that passed": { spec: "activeDeadlineSeconds: 5", runtime: withRuns(run("a", RUNNING)), actions: ["end"] },
  "ending: stop what runs": {
    runtime: withRuns(run("a", RUNNING), run("b", exited(0))),
    notes: { ending: { cause: "deleted", graceSeconds: 7 } },
    actions: ["stop a-0 7"],
  },
  "ending: wait for what is starting": {
    runtime: withRuns(),
    notes: { ending: { cause: "deleted", graceSeconds: 7 } },
    busy: ["start a"],
    actions: [],
  },
  "ending: then the sandbox": {
    runtime: withRuns(run("a", exited(0))),
    notes: { ending: { cause: "deleted", graceSeconds: 7 } },
    actions: ["stop-sandbox s0"],
  },
  "ending: done": {
    runtime: { sandbox: { ...SANDBOX, isReady: false }, formerSandboxes: [], runs: [run("a", exited(0))] },
    notes: { ending: { cause: "deleted", graceSeconds: 7 } },
    actions: [],
    isDone: true,
  },
  "ended by itself: the sandbox goes": { runtime: withRuns(run("a", exited(0))), notes: { outcome: "Succeeded" }, actions: ["stop-sandbox s0"] },
}; // oxfmt-ignore

test("decide() answers what to do next", async (t) => {
  for (const [name, { actions, wakeAt, isDone = false, ...situation }] of Object.entries(CASES))
    await t.test(name, () => {
      const decision = decisionOf(situation);
      assert.deepEqual(
        { actions: decision.actions.map(brief), wakeAt: decision.wakeAt, isDone: decision.isDone },
        { actions, wakeAt, isDone },
      );
    });
});
