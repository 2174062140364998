import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import {
  MODULES,
  HOST,
  fixture,
  sandboxConfig,
  served,
  containerConfig,
  started,
  connects,
} from "./testing/fixture.ts";

test("runPodSandbox() binds the address and declares every route before anything runs", async () => {
  await using it = await fixture();

  const id = await it.cri.runPodSandbox(sandboxConfig(it, served({ b: { route: "/b" }, a: { route: "/..." } })));

  assert.deepEqual(it.shim.ops(), ["declare-routes", "listen"]);
  assert.deepEqual(it.shim.last("declare-routes").routes, [
    { route: "/b", container: "b" },
    { route: "/...", container: "a" },
  ]);
  const { url } = it.shim.last("listen");
  assert.deepEqual(it.observe.routes(id), [
    { route: "/b", url: `${url}/b`, container: "b", entrypoint: "_start", ready: false },
    { route: "/...", url: `${url}/`, container: "a", entrypoint: "_start", ready: false },
  ]);
  const status = await it.cri.podSandboxStatus(id);
  assert.equal(status.state, "SANDBOX_READY");
  assert.equal(status.network.ip, "127.0.0.1");
  await connects(url);
});

test("runPodSandbox() asks nothing of the shim for a pod of commands", async () => {
  await using it = await fixture();
  const id = await it.cri.runPodSandbox(sandboxConfig(it));

  assert.deepEqual(it.shim.ops(), []);
  assert.deepEqual(it.observe.routes(id), []);
  assert.deepEqual(it.observe.routes("unknown"), []);
});

test("runPodSandbox() names the pod that has the address, and frees it with its sandbox", async () => {
  await using it = await fixture();
  const first = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const address = it.shim.last("listen").url.replace("http://", "");
  const second = sandboxConfig(it, { ...served(), [HOST]: address }, "other");

  await assert.rejects(it.cri.runPodSandbox(second), {
    code: "ALREADY_EXISTS",
    message: `Cannot listen on ${address}: pod default/pod listens there`,
  });
  assert.equal((await it.cri.listPodSandbox()).length, 1);
  await it.cri.stopPodSandbox(first);
  await it.cri.runPodSandbox(second);
});

test("runPodSandbox() says when another process has the address", async () => {
  await using it = await fixture();
  await using server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as net.AddressInfo;

  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it, { ...served(), [HOST]: `127.0.0.1:${port}` })), {
    code: "ALREADY_EXISTS",
    message: new RegExp(
      `^Cannot listen on 127\\.0\\.0\\.1:${port}: another process listens there: .+ \\(pid ${process.pid}\\)$`,
    ),
  });
});

for (const [name, annotations, message] of [
  ["a malformed address", { [HOST]: "localhost:1", [MODULES]: '{"a":{"route":"/"}}' }, /default-host: .*"localhost:1"/],
  [
    "an address of another machine",
    { [HOST]: "192.0.2.1:0", [MODULES]: '{"a":{"route":"/"}}' },
    /no interface of this machine/,
  ],
  ["a bad module list", { [MODULES]: "[]" }, /modules: not a JSON object/],
  [
    "a takeover of a sandbox there is not",
    { ...served(), "wasipool.dev/takeover": "x" },
    /pod default\/pod has no sandbox "x"/,
  ],
] as const) {
  test(`runPodSandbox() refuses ${name} and leaves nothing behind`, async () => {
    await using it = await fixture();

    await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it, annotations)), { code: "INVALID_ARGUMENT", message });
    assert.deepEqual(await it.cri.listPodSandbox(), []);
  });
}

test("runPodSandbox() refuses a second sandbox for the same attempt of a pod", async () => {
  await using it = await fixture();
  await it.cri.runPodSandbox(sandboxConfig(it));

  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it)), {
    code: "ALREADY_EXISTS",
    message: /default\/pod \(uid-pod\), attempt 0/,
  });
  await it.cri.runPodSandbox(sandboxConfig(it, {}, "pod", 1));
});

test("runPodSandbox() gives the address back when the shim refuses", async () => {
  await using it = await fixture();
  it.shim.refuse("listen", "no", "internal");
  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it, served())), /no/);
  const { url } = it.shim.last("listen");
  it.shim.refusals.clear();

  await it.cri.runPodSandbox(sandboxConfig(it, { ...served(), [HOST]: url.replace("http://", "") }));
});

test("the address setting replaces the pods' own", async () => {
  await using it = await fixture({ address: "127.0.0.1:0" });
  await it.cri.runPodSandbox(sandboxConfig(it, { ...served(), [HOST]: "192.0.2.1:80" }));

  assert.match(it.shim.last("listen").url, /^http:\/\/127\.0\.0\.1:\d+$/);
});

test("stop and remove are idempotent and forgiving", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const id = await started(it, sandbox, containerConfig("web", "demo/hello"));
  const created = await it.cri.createContainer(sandbox, containerConfig("other", "demo/hello"), sandboxConfig(it));

  await it.cri.stopContainer("unknown", 1);
  await it.cri.removeContainer("unknown");
  await it.cri.stopPodSandbox("unknown");
  await it.cri.removePodSandbox("unknown");
  await it.cri.stopContainer(created, 0);
  assert.equal((await it.cri.containerStatus(created)).exitCode, 137);
  await it.cri.stopPodSandbox(sandbox);
  await it.cri.stopPodSandbox(sandbox);
  assert.equal((await it.cri.podSandboxStatus(sandbox)).state, "SANDBOX_NOTREADY");
  assert.equal((await it.cri.containerStatus(id)).state, "CONTAINER_EXITED");
  assert.equal(it.shim.ops().filter((op) => op === "remove-sandbox").length, 1);
  await it.cri.removePodSandbox(sandbox);
  await it.cri.removePodSandbox(sandbox);
  await assert.rejects(it.cri.podSandboxStatus(sandbox), { code: "NOT_FOUND" });
  assert.deepEqual(await it.cri.listContainers(), []);
});

test("list filters by id, sandbox, state and labels", async () => {
  await using it = await fixture();
  const a = await it.cri.runPodSandbox(sandboxConfig(it, {}, "a"));
  const b = await it.cri.runPodSandbox(sandboxConfig(it, {}, "b"));
  const id = await started(it, a, containerConfig("job", "test/cat", { labels: { tier: "back" } }));
  await it.cri.createContainer(b, containerConfig("job", "test/cat"), sandboxConfig(it));
  await it.cri.stopPodSandbox(b);
  const ids = async (filter: object) => (await it.cri.listContainers(filter)).map((container) => container.id);

  assert.deepEqual(await ids({ podSandboxId: a }), [id]);
  assert.deepEqual(await ids({ state: "CONTAINER_RUNNING" }), [id]);
  assert.deepEqual(await ids({ labelSelector: { tier: "back" } }), [id]);
  assert.deepEqual(await ids({ id: "none" }), []);
  assert.equal((await ids({})).length, 2);
  assert.deepEqual(
    (await it.cri.listPodSandbox({ state: "SANDBOX_READY" })).map((sandbox) => sandbox.id),
    [a],
  );
  assert.deepEqual(
    (await it.cri.listPodSandbox({ labelSelector: { app: "b" } })).map((sandbox) => sandbox.id),
    [b],
  );
});

test("runPodSandbox() that is aborted leaves nothing behind", async () => {
  await using it = await fixture();
  const abort = new AbortController();
  const ask = it.shim.request.bind(it.shim);
  it.shim.request = (request, fds) => {
    if (request.op === "listen") abort.abort(new Error("enough"));
    return ask(request, fds);
  };

  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it, served()), abort.signal), /enough/);
  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it), abort.signal), /enough/);

  assert.deepEqual(await it.cri.listPodSandbox(), []);
  assert.equal(it.shim.ops().at(-1), "remove-sandbox");
});

test("a sandbox is ready once it is made, and a stop before that waits for it", async () => {
  await using it = await fixture();
  const gate = Promise.withResolvers<void>();
  const ask = it.shim.request.bind(it.shim);
  it.shim.request = async (request, fds) => {
    if (request.op === "declare-routes") await gate.promise;
    return ask(request, fds);
  };
  const making = it.cri.runPodSandbox(sandboxConfig(it, served()));
  const [found] = await it.cri.listPodSandbox();
  assert.equal(found?.state, "SANDBOX_NOTREADY");
  const stopping = it.cri.stopPodSandbox(found?.id ?? "");

  gate.resolve();

  const id = await making;
  await stopping;
  assert.equal((await it.cri.podSandboxStatus(id)).state, "SANDBOX_NOTREADY");
  assert.deepEqual(it.shim.ops(), ["declare-routes", "listen", "remove-sandbox"]);
});

test("stopPodSandbox() twice at once: both wait until the address is free", async () => {
  await using it = await fixture();
  const id = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const { url } = it.shim.last("listen");
  const gate = Promise.withResolvers<void>();
  const ask = it.shim.request.bind(it.shim);
  it.shim.request = async (request, fds) => {
    if (request.op === "remove-sandbox") await gate.promise;
    return ask(request, fds);
  };
  const first = it.cri.stopPodSandbox(id);
  const second = it.cri.stopPodSandbox(id).then(() => assert.rejects(connects(url), { code: "ECONNREFUSED" }));
  await connects(url);

  gate.resolve();

  await Promise.all([first, second]);
});
