import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, podsOf } from "./testing/world.ts";

const COMMAND = (spec = "") => `
apiVersion: v1
kind: Pod
metadata: { name: task }
spec:
  ${spec}
  containers: [{ name: main, image: "registry.test/task:v1" }]
`;

const WAGI = (image = "hello:v1") => `
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    alpha.wagi.krustlet.dev/default-host: "127.0.0.1:3001"
    alpha.wagi.krustlet.dev/modules: '{"hello": {"route": "/hello"}, "error": {"route": "/error"}}'
spec:
  containers:
    - { name: hello, image: "registry.test/${image}" }
    - { name: error, image: "registry.test/error:v1" }
`;

test("sync() runs a WAGI pod: sandbox, images, containers, Running", async () => {
  await using world = await createWorld();

  world.sync(podsOf(WAGI()));
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

test("sync() with restartPolicy Never: a command that ends with 0 is Completed, one that fails is Error", async () => {
  for (const [code, phase, text] of [
    [0, "Succeeded", "Completed"],
    [3, "Failed", "Error"],
  ] as const) {
    await using world = await createWorld();
    world.sync(podsOf(COMMAND("restartPolicy: Never")));
    await world.until(() => world.status("task") === "Running");

    world.runtime.exit("main", code);
    await world.until(() => world.report("task").status.phase === phase);

    assert.equal(world.status("task"), text);
    assert.equal(world.runtime.calls.filter((call) => call.startsWith("startContainer")).length, 1);
  }
});

test("sync() takes a pod away: it ends within its grace and nothing of it is left", async () => {
  await using world = await createWorld();
  world.sync(podsOf(COMMAND("terminationGracePeriodSeconds: 7")));
  await world.until(() => world.status("task") === "Running");

  world.sync([]);
  assert.equal(world.status("task"), "Terminating");
  await world.until(() => world.kubelet.pods().length === 0);

  assert.ok(world.runtime.calls.includes("stopContainer main 7"));
  assert.equal(world.runtime.sandboxes.size, 0);
});

test("sync() with takeover: the old version serves until the new one does", async () => {
  await using world = await createWorld();
  world.sync(podsOf(WAGI(), "uid-1"));
  await world.until(() => world.status("web") === "Running");
  const old = world.runtime.listeners.get("127.0.0.1:3001");
  const proceed = world.runtime.hold("startContainer", "error");

  world.sync(podsOf(WAGI("hello:v2"), "uid-2"), { takeover: true });
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
