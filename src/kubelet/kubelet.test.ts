import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { CriError } from "../cri/index.ts";
import { parseManifests } from "./manifests/parse-manifests.ts";
import type { ContainerStatus } from "./status/pod-status.ts";
import { createWorld, podsOf, type World } from "./testing/world.ts";

const IMAGE = "registry.test/task:v1";

const command = ({ spec = "", container = "", init = "" } = {}) => `
apiVersion: v1
kind: Pod
metadata: { name: task }
spec:
  ${spec}
  ${init === "" ? "" : `initContainers: [${init}]`}
  containers: [{ name: main, image: "${IMAGE}", ${container} }]
`;

const wagi = ({ image = "hello:v1", address = "127.0.0.1:3001" } = {}) => `
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    alpha.wagi.krustlet.dev/default-host: "${address}"
    alpha.wagi.krustlet.dev/modules: '{"hello": {"route": "/hello"}, "error": {"route": "/error"}}'
spec:
  containers:
    - { name: hello, image: "registry.test/${image}" }
    - { name: error, image: "registry.test/error:v1" }
`;

function main(world: World): ContainerStatus {
  return world.report("task").status.containerStatuses[0]!;
}

function eventsOf(world: World, type: "Normal" | "Warning"): string[] {
  return world.events.filter((event) => event.type === type).map(({ reason, message }) => `${reason}: ${message}`);
}

const starts = (world: World, name: string) =>
  world.runtime.calls.filter((call) => call === `startContainer ${name}`).length;

test("sync() runs a WAGI pod: sandbox, images, containers, Running", async () => {
  await using world = await createWorld();

  world.sync(podsOf(wagi()));
  await world.until(() => world.status("web") === "Running");

  const { status } = world.report("web");
  assert.deepEqual(
    status.containerStatuses.map(({ name, ready, restartCount, imageID }) => ({ name, ready, restartCount, imageID })),
    [
      { name: "hello", ready: true, restartCount: 0, imageID: "sha256:registry.test/hello:v1" },
      { name: "error", ready: true, restartCount: 0, imageID: "sha256:registry.test/error:v1" },
    ],
  );
  assert.equal(status.podIP, "10.1.2.3");
  assert.deepEqual(
    status.conditions.map(({ type, status: value }) => `${type}=${value}`),
    ["PodReadyToStartContainers=True", "Initialized=True", "Ready=True", "ContainersReady=True", "PodScheduled=True"],
  );
});

test("sync() of the same pods changes nothing", async () => {
  await using world = await createWorld();
  world.sync(podsOf(wagi()));
  await world.until(() => world.status("web") === "Running");
  const calls = world.runtime.calls.length;

  world.sync(podsOf(wagi()));
  await world.clock.advance(120_000);

  assert.equal(world.runtime.calls.length, calls);
  assert.equal(world.status("web"), "Running");
});

test("sync() with restartPolicy Never: a command that ends with 0 is Completed, one that fails is Error", async () => {
  for (const [code, phase, text] of [
    [0, "Succeeded", "Completed"],
    [3, "Failed", "Error"],
  ] as const) {
    await using world = await createWorld();
    world.sync(podsOf(command({ spec: "restartPolicy: Never" })));
    await world.until(() => world.status("task") === "Running");

    world.runtime.exit("main", code);
    await world.until(() => world.runtime.calls.includes("stopPodSandbox task"));

    assert.equal(world.report("task").status.phase, phase);
    assert.equal(world.status("task"), text);
    assert.equal(starts(world, "main"), 1);
  }
});

test("a container that crashes restarts at once, then after 10 s doubling to 300 s", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command()));
  await world.until(() => world.status("task") === "Running");
  const delays: number[] = [];

  for (let crash = 1; crash <= 8; crash++) {
    const before = world.clock.monotonic();
    world.runtime.exit("main", 1, "Error", "boom");
    if (crash > 1) {
      await world.until(() => main(world).restartCount === crash - 1 && main(world).state.kind === "waiting");
      assert.equal(world.status("task"), "CrashLoopBackOff");
      assert.equal(main(world).lastState?.message, "boom");
      assert.equal(world.report("task").status.phase, "Running");
    }
    while (starts(world, "main") === crash) await world.clock.advance(starts(world, "main") === 1 ? 0 : 1000);
    await world.until(() => main(world).state.kind === "running");
    delays.push(Math.round((world.clock.monotonic() - before) / 10_000) * 10);
  }

  assert.deepEqual(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
  assert.equal(main(world).restartCount, 8);
});

test("a container that ran for ten minutes starts again at once", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command()));
  await world.until(() => world.status("task") === "Running");
  world.runtime.exit("main", 1);
  await world.until(() => starts(world, "main") === 2 && main(world).state.kind === "running");

  await world.clock.advance(600_000);
  world.runtime.exit("main", 1);
  await world.until(() => main(world).restartCount === 2 && world.status("task") === "Running");

  assert.equal(starts(world, "main"), 3);
});

test("restartPolicy OnFailure restarts what failed and nothing that succeeded", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command({ spec: "restartPolicy: OnFailure" })));
  await world.until(() => world.status("task") === "Running");

  world.runtime.exit("main", 137, "OOMKilled");
  await world.until(() => main(world).restartCount === 1 && world.status("task") === "Running");
  assert.equal(main(world).lastState?.reason, "OOMKilled");
  world.runtime.exit("main", 0);
  await world.until(() => world.report("task").status.phase === "Succeeded");

  assert.equal(starts(world, "main"), 2);
});

test("init containers run one after the other before the others", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command({ init: '{ name: one, image: "i:v1" }, { name: two, image: "i:v1" }' })));

  await world.until(() => starts(world, "one") === 1);
  await world.until(() => world.status("task") === "Init:0/2");
  assert.deepEqual(main(world).state, { kind: "waiting", reason: "PodInitializing" });
  assert.equal(starts(world, "two"), 0);
  world.runtime.exit("one", 0);
  await world.until(() => starts(world, "two") === 1);
  await world.until(() => world.status("task") === "Init:1/2");
  assert.equal(starts(world, "main"), 0);
  world.runtime.exit("two", 0);
  await world.until(() => world.status("task") === "Running");

  assert.equal(starts(world, "one"), 1);
});

test("an init container that fails is tried again, or fails the pod with restartPolicy Never", async () => {
  await using retried = await createWorld();
  retried.sync(podsOf(command({ init: '{ name: one, image: "i:v1" }' })));
  await retried.until(() => starts(retried, "one") === 1 && retried.status("task") === "Init:0/1");
  retried.runtime.exit("one", 1);
  await retried.until(() => starts(retried, "one") === 2);
  retried.runtime.exit("one", 1);
  await retried.until(() => retried.status("task") === "Init:CrashLoopBackOff");
  assert.equal(retried.report("task").status.phase, "Pending");

  await using failed = await createWorld();
  failed.sync(podsOf(command({ spec: "restartPolicy: Never", init: '{ name: one, image: "i:v1" }' })));
  await failed.until(() => starts(failed, "one") === 1 && failed.status("task") === "Init:0/1");
  failed.runtime.exit("one", 2);
  await failed.until(() => failed.report("task").status.phase === "Failed");
  assert.equal(failed.status("task"), "Init:Error");
  assert.equal(starts(failed, "main"), 0);
});

test("an image that cannot be pulled is ErrImagePull, then ImagePullBackOff, and is tried again after 10 s", async () => {
  await using world = await createWorld();
  world.runtime.fail("pullImage", IMAGE, new CriError("NOT_FOUND", "no such image"));
  world.sync(podsOf(command()));

  await world.until(() => world.status("task") === "ErrImagePull");
  await world.clock.advance(1000);
  await world.until(() => world.status("task") === "ImagePullBackOff");
  const { state } = main(world);
  assert.equal(
    state.kind === "waiting" && state.message,
    `Back-off pulling image "${IMAGE}": ErrImagePull: no such image`,
  );
  assert.equal(world.report("task").status.phase, "Pending");
  assert.equal(world.runtime.pulls.length, 1);
  world.runtime.succeed("pullImage", IMAGE);
  await world.clock.advance(9000);
  await world.until(() => world.status("task") === "Running");

  assert.equal(world.runtime.pulls.length, 2);
  assert.deepEqual(eventsOf(world, "Warning"), [`Failed: Failed to pull image "${IMAGE}": no such image`]);
});

test("imagePullPolicy is honoured", async (t) => {
  const present = { id: "sha256:old", repoTags: [IMAGE], repoDigests: [], size: 1n, pinned: false };
  const cases = [
    { policy: "Always", isPresent: true, pulls: 1, status: "Running" },
    { policy: "IfNotPresent", isPresent: true, pulls: 0, status: "Running" },
    { policy: "IfNotPresent", isPresent: false, pulls: 1, status: "Running" },
    { policy: "Never", isPresent: true, pulls: 0, status: "Running" },
    { policy: "Never", isPresent: false, pulls: 0, status: "ErrImageNeverPull" },
  ];

  for (const { policy, isPresent, pulls, status } of cases)
    await t.test(`${policy}, ${isPresent ? "present" : "missing"}`, async () => {
      await using world = await createWorld();
      if (isPresent) world.runtime.images.set(IMAGE, present);
      world.sync(podsOf(command({ container: `imagePullPolicy: ${policy}` })));

      await world.until(() => world.status("task") === status);
      assert.equal(world.runtime.pulls.length, pulls);
    });
});

test("pull secrets are tried in the order of how well they fit, until one is let in", async () => {
  await using world = await createWorld();
  const auths = {
    "registry.test": { username: "broad" },
    "https://registry.test/task": { username: "narrow" },
    "other.test": { username: "x" },
  };
  const { objects } = parseManifests([
    {
      source: "s",
      text: JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "creds" },
        type: "kubernetes.io/dockerconfigjson",
        stringData: { ".dockerconfigjson": JSON.stringify({ auths }) },
      }),
    },
  ]);
  const [secret] = objects;
  assert.ok(secret?.kind === "Secret");
  world.runtime.fail("pullImage", IMAGE, new CriError("UNAUTHENTICATED", "denied"));
  world.sync(podsOf(command({ spec: "imagePullSecrets: [{ name: creds }, { name: none }]" })), { secrets: [secret] });

  await world.until(() => world.status("task") === "ErrImagePull");

  assert.deepEqual(
    world.runtime.pulls.map(({ auth }) => auth),
    [{ username: "narrow" }, { username: "broad" }],
  );
  assert.match(eventsOf(world, "Warning")[0]!, /FailedToRetrieveImagePullSecret: .*\(none\)/);
});

test("a missing ConfigMap is CreateContainerConfigError until it is there", async () => {
  await using world = await createWorld();
  const pods = podsOf(
    command({ container: "env: [{ name: X, valueFrom: { configMapKeyRef: { name: m, key: k } } }]" }),
  );
  world.sync(pods);
  await world.until(() => world.status("task") === "CreateContainerConfigError");
  const { state } = main(world);
  assert.equal(state.kind === "waiting" && state.message, 'configmap "m" not found');

  const [map] = parseManifests([
    { source: "m", text: "{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: { k: v } }" },
  ]).objects;
  assert.ok(map?.kind === "ConfigMap");
  world.sync(pods, { configMaps: [map] });
  await world.clock.advance(10_000);
  await world.until(() => world.status("task") === "Running");

  assert.deepEqual(world.runtime.container("main").config.envs, [{ key: "X", value: "v" }]);
});

test("a missing volume keeps the pod in ContainerCreating with FailedMount; changed ConfigMaps are written anew", async () => {
  await using world = await createWorld();
  const pods = podsOf(
    command({
      spec: "volumes: [{ name: v, configMap: { name: m } }]",
      container: "volumeMounts: [{ name: v, mountPath: /v }]",
    }),
  );
  const mapWith = (data: string) => {
    const [map] = parseManifests([
      { source: "m", text: `{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: ${data} }` },
    ]).objects;
    assert.ok(map?.kind === "ConfigMap");
    return [map];
  };
  world.sync(pods);
  await world.until(() => eventsOf(world, "Warning").length === 1);
  assert.equal(world.status("task"), "ContainerCreating");
  assert.deepEqual(eventsOf(world, "Warning"), [
    'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "m" not found',
  ]);

  world.sync(pods, { configMaps: mapWith("{ a: x }") });
  await world.clock.advance(500);
  await world.until(() => world.status("task") === "Running");
  const [mount] = world.runtime.container("main").config.mounts;
  assert.deepEqual([mount?.containerPath, mount?.readonly], ["/v", true]);
  world.sync(pods, { configMaps: mapWith("{ b: x }") });
  await world.until(async () => {
    const names = await readdir(mount!.hostPath);
    return names.includes("b") && !names.includes("a");
  });
});

test("what a runtime refuses is told by its reason", async (t) => {
  const cases = [
    { operation: "createContainer", reason: "CreateContainerError" },
    { operation: "startContainer", reason: "RunContainerError" },
  ] as const;

  for (const { operation, reason } of cases)
    await t.test(reason, async () => {
      await using world = await createWorld();
      world.runtime.fail(operation, "main", new CriError("FAILED_PRECONDITION", "no such import"));
      world.sync(podsOf(command()));

      await world.until(() => world.status("task") === reason);
      const { state } = main(world);
      assert.equal(state.kind === "waiting" && state.message, "no such import");
      world.runtime.succeed(operation, "main");
      await world.clock.advance(10_000);
      await world.until(() => world.status("task") === "Running");
    });
});

test("an address in use is told, and tried again every ten seconds", async () => {
  await using world = await createWorld();
  world.runtime.fail("runPodSandbox", "web", new CriError("ALREADY_EXISTS", "Cannot listen on 127.0.0.1:3001"));
  world.sync(podsOf(wagi()));

  await world.until(() => eventsOf(world, "Warning").length === 1);
  assert.deepEqual(eventsOf(world, "Warning"), [
    "FailedCreatePodSandBox: Failed to create pod sandbox: Cannot listen on 127.0.0.1:3001",
  ]);
  assert.equal(world.status("web"), "ContainerCreating");
  world.runtime.succeed("runPodSandbox", "web");
  await world.clock.advance(10_000);
  await world.until(() => world.status("web") === "Running");
});

test("a sandbox that is lost is made anew, with all init containers, and counts go on", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command({ init: '{ name: one, image: "i:v1" }' })));
  await world.until(() => starts(world, "one") === 1 && world.status("task") === "Init:0/1");
  world.runtime.exit("one", 0);
  await world.until(() => world.status("task") === "Running");

  world.runtime.loseSandbox(world.report("task").sandboxId!);
  world.runtime.exit("main", 137);
  await world.until(() => starts(world, "one") === 2);
  await world.until(() => world.runtime.container("one").state === "CONTAINER_RUNNING");
  world.runtime.exit("one", 0);
  await world.until(() => world.status("task") === "Running" && main(world).restartCount === 1);

  assert.equal(world.runtime.sandboxes.size, 1);
});

test("activeDeadlineSeconds ends a pod: Failed, DeadlineExceeded", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command({ spec: "activeDeadlineSeconds: 5" })));
  await world.until(() => world.status("task") === "Running");

  await world.clock.advance(5000);
  await world.until(() => world.report("task").status.phase === "Failed");

  assert.equal(world.report("task").status.reason, "DeadlineExceeded");
  assert.equal(world.kubelet.pods().length, 1);
});

test("sync() takes a pod away: it ends within its grace and nothing of it is left", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command({ spec: "terminationGracePeriodSeconds: 7\n  volumes: [{ name: v, emptyDir: {} }]" })));
  await world.until(() => world.status("task") === "Running");

  world.sync([]);
  assert.equal(world.status("task"), "Terminating");
  await world.until(() => world.kubelet.pods().length === 0);

  assert.ok(world.runtime.calls.includes("stopContainer main 7"));
  assert.equal(world.runtime.sandboxes.size, 0);
  assert.deepEqual(await readdir(path.join(world.root, "state", "pods", "uid-1")), []);
});

test("sync() takes a pod away while its image is pulled: the pull is broken off", async () => {
  await using world = await createWorld();
  world.runtime.hold("pullImage", IMAGE);
  world.sync(podsOf(command()));
  await world.until(() => world.runtime.pulls.length === 1);

  world.sync([]);
  await world.until(() => world.kubelet.pods().length === 0);

  assert.equal(starts(world, "main"), 0);
});

test("shutdown() stops all pods with at most the grace given and answers how they ended", async () => {
  await using world = await createWorld();
  world.runtime.stopCodes.set("main", 143);
  world.sync([...podsOf(command()), ...podsOf(wagi(), "uid-2")]);
  await world.until(() => world.status("task") === "Running" && world.status("web") === "Running");

  const ended = await world.kubelet.shutdown(3);

  assert.deepEqual(
    ended.map(({ pod, status }) => `${pod.metadata.name} ${status.phase}`),
    ["task Failed", "web Succeeded"],
  );
  assert.ok(world.runtime.calls.includes("stopContainer main 3"));
  assert.deepEqual(world.kubelet.pods(), []);
});

test("a changed pod without takeover waits until the old one is gone", async () => {
  await using world = await createWorld();
  world.sync(podsOf(wagi(), "uid-1"));
  await world.until(() => world.status("web") === "Running");
  const proceed = world.runtime.hold("stopContainer", "hello");

  world.sync(podsOf(wagi({ image: "hello:v2" }), "uid-2"));
  await world.until(() => world.runtime.calls.includes("stopContainer hello 30"));
  assert.deepEqual(
    world.kubelet.pods().map(({ stage }) => stage),
    ["terminating", "waiting"],
  );
  assert.equal(world.runtime.sandboxes.size, 1);
  proceed();
  await world.until(() => world.status("web") === "Running" && world.kubelet.pods().length === 1);

  assert.equal(world.report("web").pod.metadata.uid, "uid-2");
});

test("sync() with takeover: the old version serves until the new one does", async () => {
  await using world = await createWorld();
  world.sync(podsOf(wagi(), "uid-1"));
  await world.until(() => world.status("web") === "Running");
  const old = world.runtime.listeners.get("127.0.0.1:3001");
  const proceed = world.runtime.hold("startContainer", "error");

  world.sync(podsOf(wagi({ image: "hello:v2" }), "uid-2"), { takeover: true });
  await world.until(() => world.runtime.container("hello").image.endsWith("v2"));
  assert.equal(world.runtime.listeners.get("127.0.0.1:3001"), old);
  assert.equal(
    world.runtime.calls.some((call) => call.startsWith("stop")),
    false,
  );
  proceed();
  await world.until(() => world.kubelet.pods().length === 1);

  assert.equal(world.status("web"), "Running");
  assert.equal(world.report("web").pod.metadata.uid, "uid-2");
  assert.equal(world.runtime.listeners.get("127.0.0.1:3001"), world.report("web").sandboxId);
});

test("sync() with takeover: a new version that does not come up leaves the old one serving; the next takes over from it", async () => {
  await using world = await createWorld();
  world.runtime.fail("pullImage", "registry.test/hello:bad", new CriError("NOT_FOUND", "no such image"));
  world.sync(podsOf(wagi(), "uid-1"));
  await world.until(() => world.status("web") === "Running");
  const old = world.runtime.listeners.get("127.0.0.1:3001");

  world.sync(podsOf(wagi({ image: "hello:bad" }), "uid-2"), { takeover: true });
  await world.until(() => world.status("web") === "ErrImagePull");
  await world.clock.advance(600_000);
  assert.equal(world.runtime.listeners.get("127.0.0.1:3001"), old);
  assert.equal(world.kubelet.pods().length, 2);
  world.sync(podsOf(wagi({ image: "hello:v3" }), "uid-3"), { takeover: true });
  await world.until(() => world.kubelet.pods().length === 1);

  assert.equal(world.report("web").pod.metadata.uid, "uid-3");
  assert.equal(world.runtime.listeners.get("127.0.0.1:3001"), world.report("web").sandboxId);
});

test("sync() with takeover: going back to a version while the next one starts never leaves the address alone", async () => {
  await using world = await createWorld();
  world.sync(podsOf(wagi(), "uid-1"));
  await world.until(() => world.status("web") === "Running");
  const proceed = world.runtime.hold("startContainer", "error");
  world.sync(podsOf(wagi({ image: "hello:v2" }), "uid-2"), { takeover: true });
  await world.until(() => starts(world, "error") === 2);

  // The second is about to take the listener over when a third is wanted.
  world.sync(podsOf(wagi({ image: "hello:v3" }), "uid-3"), { takeover: true });
  proceed();
  await world.until(() => {
    assert.ok(world.runtime.listeners.has("127.0.0.1:3001"), "somebody listens");
    return world.kubelet.pods().length === 1;
  });

  assert.equal(world.report("web").pod.metadata.uid, "uid-3");
  assert.equal(world.status("web"), "Running");
});

test("sync() with takeover replaces a pod whose address changed by stopping it first", async () => {
  await using world = await createWorld();
  world.sync(podsOf(wagi(), "uid-1"));
  await world.until(() => world.status("web") === "Running");

  world.sync(podsOf(wagi({ address: "127.0.0.1:3002" }), "uid-2"), { takeover: true });
  await world.until(() => world.kubelet.pods().length === 1 && world.status("web") === "Running");

  assert.deepEqual([...world.runtime.listeners.keys()], ["127.0.0.1:3002"]);
});

test("one pod's trouble leaves others alone", async () => {
  await using world = await createWorld();
  world.runtime.fail("pullImage", IMAGE, new CriError("NOT_FOUND", "no such image"));

  world.sync([...podsOf(command()), ...podsOf(wagi(), "uid-2")]);
  await world.until(() => world.status("web") === "Running" && world.status("task") === "ErrImagePull");
});

test("an error of the runtime's own is tried again, not in a loop", async () => {
  await using world = await createWorld();
  world.sync(podsOf(command()));
  await world.until(() => world.status("task") === "Running");
  world.runtime.fail("stopPodSandbox", "task", new Error("busy"));
  world.sync([]);
  await world.until(() => world.runtime.calls.includes("stopPodSandbox task"));
  const calls = world.runtime.calls.length;
  for (let turn = 0; turn < 100; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
  assert.equal(world.runtime.calls.length, calls);

  world.runtime.succeed("stopPodSandbox", "task");
  await world.clock.advance(1000);
  await world.until(() => world.kubelet.pods().length === 0);
});
