import assert from "node:assert/strict";
import { test } from "node:test";
import { podsOf } from "../testing/world.ts";
import { podConditions } from "./conditions.ts";
import { podPhase } from "./phase.ts";
import type { ContainerState, ContainerStatus, PodReport, TerminatedState, WaitingState } from "./pod-status.ts";
import { qosClass } from "./qos-class.ts";
import { isSettled, podStatusText } from "./status-text.ts";

const RUNNING: ContainerState = { kind: "running", startedAt: "2026-01-01T00:00:00Z" };
const CREATING: WaitingState = { kind: "waiting", reason: "ContainerCreating" };
const INITIALIZING: WaitingState = { kind: "waiting", reason: "PodInitializing" };
const LOOP: WaitingState = { kind: "waiting", reason: "CrashLoopBackOff" };
const OK = ended(0);
const BAD = ended(1);

function ended(exitCode: number): TerminatedState {
  return { kind: "terminated", exitCode, reason: exitCode === 0 ? "Completed" : "Error", containerID: "c" };
}

function status(state: ContainerState, lastState?: TerminatedState): ContainerStatus {
  const isRunning = state.kind === "running";
  const containerID = state.kind === "waiting" && !lastState ? "" : "c";
  const ready = isRunning || (state.kind === "terminated" && state.exitCode === 0);
  const base = {
    name: "c",
    image: "i:v1",
    imageID: "",
    containerID,
    ready,
    started: isRunning,
    restartCount: 0,
    state,
  };
  return lastState ? { ...base, lastState } : base;
}

const main = (...states: (ContainerState | readonly [ContainerState, TerminatedState])[]) =>
  states.map((state) => ("kind" in state ? status(state) : status(...state)));

test("podPhase() follows the kubelet's rules", async (t) => {
  const cases: readonly [
    name: string,
    policy: "Always" | "OnFailure" | "Never",
    init: readonly ContainerStatus[],
    containers: readonly ContainerStatus[],
    phase: string,
    isEnding?: boolean,
  ][] = [
    ["nothing yet", "Always", [], main(CREATING), "Pending"],
    ["one of two runs", "Always", [], main(RUNNING, CREATING), "Pending"],
    ["all run", "Always", [], main(RUNNING, RUNNING), "Running"],
    ["one ended, one runs", "Never", [], main(OK, RUNNING), "Running"],
    ["a crash loop", "Always", [], main([LOOP, BAD]), "Running"],
    ["a crash loop beside a pull", "Always", [], main([LOOP, BAD], CREATING), "Pending"],
    ["all succeeded, Always", "Always", [], main(OK), "Running"],
    ["all succeeded, OnFailure", "OnFailure", [], main(OK), "Succeeded"],
    ["one failed, OnFailure", "OnFailure", [], main(OK, BAD), "Running"],
    ["all succeeded, Never", "Never", [], main(OK, OK), "Succeeded"],
    ["one failed, Never", "Never", [], main(OK, BAD), "Failed"],
    ["stopped with success", "Always", [], main(OK), "Succeeded", true],
    ["stopped with failure", "Always", [], main(BAD), "Failed", true],
    ["init runs", "Always", main(RUNNING), main(INITIALIZING), "Pending"],
    ["init failed, Always", "Always", main([LOOP, BAD]), main(INITIALIZING), "Pending"],
    ["init failed, Never", "Never", main(BAD), main(INITIALIZING), "Failed"],
    ["init done", "Never", main(OK), main(RUNNING), "Running"],
    ["init done, main pulls", "Never", main(OK), main(CREATING), "Pending"],
  ]; // oxfmt-ignore

  for (const [name, restartPolicy, initContainerStatuses, containerStatuses, phase, isEnding = false] of cases)
    await t.test(name, () =>
      assert.equal(podPhase({ restartPolicy, initContainerStatuses, containerStatuses, isEnding }), phase),
    );
});

test("podConditions() keeps the time of a condition that did not change", () => {
  const source = {
    phase: "Running",
    hasSandbox: true,
    initContainerStatuses: [],
    containerStatuses: main(RUNNING),
  } as const;
  const first = podConditions({ ...source, containerStatuses: main(CREATING), former: [], wallMs: 0 });
  const second = podConditions({ ...source, former: first, wallMs: 60_000 });

  assert.deepEqual(
    second.map(({ type, status: value, lastTransitionTime }) => `${type} ${value} ${lastTransitionTime}`),
    [
      "PodReadyToStartContainers True 1970-01-01T00:00:00Z",
      "Initialized True 1970-01-01T00:00:00Z",
      "Ready True 1970-01-01T00:01:00Z",
      "ContainersReady True 1970-01-01T00:01:00Z",
      "PodScheduled True 1970-01-01T00:00:00Z",
    ],
  );
});

test("podConditions() says why a pod is not ready", async (t) => {
  const cases = [
    { phase: "Pending", init: main(BAD), containers: main(INITIALIZING), initialized: "ContainersNotInitialized containers with incomplete status: [c]", ready: "ContainersNotReady containers with unready status: [c]" },
    { phase: "Succeeded", init: [], containers: main(OK), initialized: "PodCompleted ", ready: "PodCompleted " },
    { phase: "Failed", init: [], containers: main(BAD), initialized: " ", ready: "PodFailed " },
  ] as const; // oxfmt-ignore

  for (const { phase, init, containers, initialized, ready } of cases)
    await t.test(phase, () => {
      const conditions = podConditions({
        phase,
        hasSandbox: true,
        initContainerStatuses: init,
        containerStatuses: containers,
        former: [],
        wallMs: 0,
      });
      const textOf = (type: string) => {
        const found = conditions.find((condition) => condition.type === type);
        return `${found?.reason ?? ""} ${found?.message ?? ""}`;
      };
      assert.deepEqual([textOf("Initialized"), textOf("Ready")], [initialized, ready]);
    });
});

test("podStatusText() is the STATUS column of kubectl", async (t) => {
  const cases: readonly [text: string, fields: Partial<PodReport["status"]> & { readonly stage?: PodReport["stage"]; readonly isReady?: boolean }][] = [
    ["Pending", { phase: "Pending", containerStatuses: [] }],
    ["ContainerCreating", { phase: "Pending", containerStatuses: main(CREATING) }],
    ["Running", { phase: "Running", containerStatuses: main(RUNNING), isReady: true }],
    ["CrashLoopBackOff", { phase: "Running", containerStatuses: main([LOOP, BAD]) }],
    ["Completed", { phase: "Succeeded", containerStatuses: main(OK) }],
    ["Error", { phase: "Failed", containerStatuses: main(BAD) }],
    ["NotReady", { phase: "Running", containerStatuses: main(OK, RUNNING) }],
    ["DeadlineExceeded", { phase: "Failed", reason: "DeadlineExceeded", containerStatuses: main(RUNNING) }],
    ["Terminating", { phase: "Running", stage: "terminating", containerStatuses: main(RUNNING) }],
    ["Error", { phase: "Failed", stage: "terminating", containerStatuses: main(BAD) }],
    ["Init:0/2", { phase: "Pending", initContainerStatuses: main(RUNNING, INITIALIZING), containerStatuses: main(INITIALIZING) }],
    ["Init:1/2", { phase: "Pending", initContainerStatuses: main(OK, INITIALIZING), containerStatuses: main(INITIALIZING) }],
    ["Init:CrashLoopBackOff", { phase: "Pending", initContainerStatuses: main([LOOP, BAD]), containerStatuses: main(INITIALIZING) }],
    ["Init:Error", { phase: "Failed", initContainerStatuses: main(BAD), containerStatuses: main(INITIALIZING) }],
  ]; // oxfmt-ignore

  for (const [text, { stage = "syncing", isReady = false, ...fields }] of cases)
    await t.test(`${text} ${fields.phase}`, () => {
      const ready = { type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: "" } as const;
      const report: PodReport = {
        pod: podsOf(
          "{ apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { containers: [{ name: c, image: i }] } }",
        )[0]!,
        stage,
        status: {
          phase: "Pending",
          qosClass: "BestEffort",
          conditions: [ready],
          initContainerStatuses: [],
          containerStatuses: [],
          ...fields,
        },
      };
      assert.equal(podStatusText(report), text);
      assert.equal(isSettled(report), isReady || fields.phase === "Succeeded" || fields.phase === "Failed");
    });
});

test("qosClass() follows requests and limits of all containers", async (t) => {
  const cases = [
    ["", "BestEffort"],
    ["resources: { requests: { cpu: 0 } }", "BestEffort"],
    ["resources: { requests: { memory: 1Mi } }", "Burstable"],
    ["resources: { limits: { memory: 1Mi } }", "Burstable"],
    ["resources: { limits: { memory: 1Mi, cpu: 100m } }", "Guaranteed"],
    ["resources: { limits: { memory: 1Mi, cpu: 0.1 }, requests: { memory: 1024Ki, cpu: 100m } }", "Guaranteed"],
    ["resources: { limits: { memory: 2Mi, cpu: 1 }, requests: { memory: 1Mi } }", "Burstable"],
  ] as const;

  for (const [resources, expected] of cases)
    await t.test(resources || "none", () => {
      const [pod] = podsOf(
        `{ apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { containers: [{ name: c, image: i, ${resources} }] } }`,
        "u",
        ["spec.containers[0].resources.limits.cpu"],
      );
      assert.equal(qosClass(pod!.spec), expected);
    });
});
