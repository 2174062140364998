import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, fixture, sandboxConfig, served, containerConfig, started, connects } from "./testing/fixture.ts";

test("a takeover moves the listener once every module serves, and the old sandbox no longer owns it", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served({ web: { route: "/" } })));
  const { url } = it.shim.last("listen");
  await started(it, old, containerConfig("web", "demo/hello"));
  const modules = { web: { route: "/" }, log: { route: "/log" } };
  const config = sandboxConfig(it, { ...served(modules), "wasipool.dev/takeover": old }, "pod", 1);

  const next = await it.cri.runPodSandbox(config);
  await started(it, next, containerConfig("web", "demo/hello"));
  assert.equal(it.shim.ops().includes("take-over"), false);
  assert.equal(it.observe.routes(next)[0]?.ready, false);
  await started(it, next, containerConfig("log", "demo/log"));

  assert.deepEqual(it.shim.last("take-over"), { op: "take-over", from: old, to: next });
  assert.equal(it.observe.routes(next)[0]?.url, `${url}/`);
  assert.equal(it.observe.routes(next)[0]?.ready, true);
  assert.equal(it.shim.ops().filter((op) => op === "listen").length, 1);
  await it.cri.removePodSandbox(old);
  await connects(url);
});

test("a takeover binds the address itself when the old sandbox is gone meanwhile", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const next = await it.cri.runPodSandbox(sandboxConfig(it, { ...served(), "wasipool.dev/takeover": old }, "pod", 1));
  await it.cri.removePodSandbox(old);
  await started(it, next, containerConfig("web", "demo/hello"));

  assert.equal(it.shim.ops().includes("take-over"), false);
  assert.equal(it.shim.last("listen").sandbox, next);
});

test("a takeover that the shim refuses fails the container", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const next = await it.cri.runPodSandbox(sandboxConfig(it, { ...served(), "wasipool.dev/takeover": old }, "pod", 1));
  it.shim.refuse("take-over", "workers are gone", "internal");

  await assert.rejects(started(it, next, containerConfig("web", "demo/hello")), {
    code: "INTERNAL",
    message: /workers are gone/,
  });
  assert.equal(it.shim.last("stop-container").graceMs, 0);
});

test("a pod cannot take over another pod's sandbox or another address", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const takeover = { ...served(), "wasipool.dev/takeover": old };

  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it, takeover, "thief")), {
    code: "INVALID_ARGUMENT",
    message: /pod default\/thief has no sandbox/,
  });
  await assert.rejects(it.cri.runPodSandbox(sandboxConfig(it, { ...takeover, [HOST]: "127.0.0.2:0" }, "pod", 1)), {
    code: "INVALID_ARGUMENT",
    message: /listens on 127\.0\.0\.1:\d+, not on 127\.0\.0\.2:0/,
  });
});

test("a takeover happens when the last two containers begin at once", async () => {
  await using it = await fixture();
  const modules = { web: { route: "/" }, log: { route: "/log" } };
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served(modules)));
  const annotations = { ...served(modules), "wasipool.dev/takeover": old };
  const next = await it.cri.runPodSandbox(sandboxConfig(it, annotations, "pod", 1));

  await Promise.all(["web", "log"].map((name) => started(it, next, containerConfig(name, "demo/hello"))));

  assert.equal(it.shim.ops().filter((op) => op === "take-over").length, 1);
  assert.equal(it.observe.routes(next)[0]?.ready, true);
});

test("a takeover that failed is tried again by the next container", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const annotations = { ...served(), "wasipool.dev/takeover": old };
  const next = await it.cri.runPodSandbox(sandboxConfig(it, annotations, "pod", 1));
  it.shim.refuse("take-over", "workers are gone", "internal");
  await assert.rejects(started(it, next, containerConfig("web", "demo/hello")));
  assert.notEqual(it.observe.routes(old)[0]?.url, "/hello");
  it.shim.refusals.clear();

  await started(it, next, containerConfig("web", "demo/hello", { metadata: { name: "web", attempt: 1 } }));

  assert.deepEqual(it.shim.last("take-over"), { op: "take-over", from: old, to: next });
  assert.equal(it.observe.routes(next)[0]?.ready, true);
});

test("a takeover is whole before the old sandbox can be stopped", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const { url } = it.shim.last("listen");
  const annotations = { ...served(), "wasipool.dev/takeover": old };
  const next = await it.cri.runPodSandbox(sandboxConfig(it, annotations, "pod", 1));
  const ask = it.shim.request.bind(it.shim);
  let stopping: Promise<void> | undefined;
  it.shim.request = (request, fds) => {
    if (request.op === "take-over") stopping = it.cri.stopPodSandbox(old);
    return ask(request, fds);
  };

  await started(it, next, containerConfig("web", "demo/hello"));
  await stopping;

  assert.equal(it.observe.routes(next)[0]?.url, `${url}/hello`);
  await connects(url);
});
