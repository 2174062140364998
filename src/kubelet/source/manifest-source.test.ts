import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifests } from "../manifests/parse-manifests.ts";
import { createWorld, type World } from "../testing/world.ts";
import { createManifestSource, type ManifestSource } from "./manifest-source.ts";

const pod = (image = "i:v1", name = "p") => `
{ apiVersion: v1, kind: Pod, metadata: { name: ${name} }, spec: { restartPolicy: Never, containers: [{ name: ${name}, image: "${image}" }] } }
---`;
const deployment = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: c, image: i:v1 }] }
---`;
const job = (spec = "") => `
apiVersion: batch/v1
kind: Job
metadata: { name: sum }
spec:
  ${spec}
  template:
    spec: { restartPolicy: Never, containers: [{ name: c, image: i:v1 }] }
---`;

function objectsOf(text: string) {
  const { objects, problems } = parseManifests([{ source: "test", text }]);
  assert.deepEqual(problems, []);
  return objects;
}

async function createSource(): Promise<AsyncDisposable & { readonly world: World; readonly source: ManifestSource }> {
  const world = await createWorld();
  const source = createManifestSource({ kubelet: world.kubelet, clock: world.clock });
  return {
    world,
    source,
    async [Symbol.asyncDispose]() {
      source[Symbol.dispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

const uids = (world: World) => world.kubelet.pods().map(({ pod: { metadata } }) => metadata.uid);
const names = (world: World) => world.kubelet.pods().map(({ pod: { metadata } }) => metadata.name);
const outcomes = (source: ManifestSource) =>
  source.workloads().map(({ kind, name, outcome }) => `${kind} ${name} ${outcome}`);

/** How many of the job's pods run now. */
async function untilRunning(world: World, count: number): Promise<void> {
  await world.until(
    () =>
      world.kubelet.pods().filter(({ status }) => status.containerStatuses[0]?.state.kind === "running").length ===
      count,
  );
}

test("apply() keeps a pod's uid while it stays the same, and never gives one again", async () => {
  await using context = await createSource();
  const { world, source } = context;
  source.apply(objectsOf(pod()));
  const [first] = uids(world);
  await world.until(() => world.status("p") === "Running");

  source.apply(objectsOf(pod()));
  assert.deepEqual(uids(world), [first]);
  source.apply(objectsOf(pod("i:v2")));
  const second = uids(world).at(-1);
  await world.until(() => uids(world).length === 1);
  source.apply(objectsOf(pod()));
  const third = uids(world).at(-1);

  assert.equal(new Set([first, second, third]).size, 3);
});

test("apply() takes another revision of a module for another version of the pod", async () => {
  await using context = await createSource();
  const { world, source } = context;
  const apply = (digest: string) =>
    source.apply(objectsOf(pod()), { revisionOf: (images) => `${images.join()}=${digest}` });
  apply("one");
  await world.until(() => world.status("p") === "Running");
  const [first] = uids(world);

  apply("one");
  assert.deepEqual(uids(world), [first]);
  apply("two");

  assert.notEqual(uids(world).at(-1), first);
});

test("apply() makes the replicas of a Deployment and adds or takes only the difference", async () => {
  await using context = await createSource();
  const { world, source } = context;
  source.apply(objectsOf(deployment(2)));
  await untilRunning(world, 2);
  const two = uids(world);

  source.apply(objectsOf(deployment(3)));
  await untilRunning(world, 3);
  assert.deepEqual(uids(world).slice(0, 2), two);
  source.apply(objectsOf(deployment(1)));
  await world.until(() => uids(world).length === 1);

  assert.deepEqual(uids(world), two.slice(0, 1));
  assert.match(names(world)[0]!, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  assert.deepEqual(
    world.kubelet.pods()[0]?.pod.metadata.ownerReferences.map(({ kind, name }) => `${kind} ${name}`),
    ["Deployment web"],
  );
  assert.deepEqual(outcomes(source), ["Deployment web running"]);
});

test("reconcile() takes a job through its completions", async () => {
  await using context = await createSource();
  const { world, source } = context;
  source.apply(objectsOf(job("completions: 2")));
  assert.deepEqual(outcomes(source), ["Job sum running"]);

  for (const made of [1, 2]) {
    await untilRunning(world, 1);
    world.runtime.exit("c", 0);
    await world.until(() => world.kubelet.pods().filter(({ status }) => status.phase === "Succeeded").length === made);
    source.reconcile();
  }

  assert.deepEqual(outcomes(source), ["Job sum succeeded"]);
  assert.equal(world.kubelet.pods().length, 2);
});

test("reconcile() tries a job's failed pods again after a while, by itself, until backoffLimit", async () => {
  await using context = await createSource();
  const { world, source } = context;
  source.apply(objectsOf(job("backoffLimit: 1")));
  const fail = async (made: number) => {
    await untilRunning(world, 1);
    world.runtime.exit("c", 3);
    await world.until(() => world.kubelet.pods().filter(({ status }) => status.phase === "Failed").length === made);
    source.reconcile();
  };
  await fail(1);
  assert.deepEqual(outcomes(source), ["Job sum running"]);
  assert.equal(world.kubelet.pods().length, 1);

  await world.clock.advance(10_000);
  await fail(2);

  assert.deepEqual(outcomes(source), ["Job sum failed"]);
  assert.equal(source.workloads()[0]?.message, "2 pods failed; backoffLimit is 1");
});

test("workloads() says how pods ended and why", async () => {
  await using context = await createSource();
  const { world, source } = context;
  source.apply(objectsOf(`${pod("i:v1", "good")}${pod("i:v1", "bad")}`));
  await world.until(() => world.status("good") === "Running" && world.status("bad") === "Running");

  world.runtime.exit("good", 0);
  world.runtime.exit("bad", 134, "Error", "unreachable");
  await world.until(() => outcomes(source).every((text) => !text.endsWith("running")));

  assert.deepEqual(outcomes(source), ["Pod good succeeded", "Pod bad failed"]);
  assert.equal(source.workloads()[1]?.message, "container bad: Error (exit code 134): unreachable");
});
