import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeEvent } from "./observe.ts";
import { fixture, sandboxConfig, served, containerConfig, started, connects } from "./testing/fixture.ts";

test("observe.events() tells pulls, preparing, routes and a restarted shim", async () => {
  await using it = await fixture();
  const abort = new AbortController();
  const events = it.observe.events(abort.signal);
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  await started(it, sandbox, containerConfig("web", "demo/hello"));
  await it.shim.notify({ event: "shim-restarted", reason: "signal SIGSEGV", downMs: 80 });
  await it.shim.notify({ event: "worker-replaced", reason: "out of memory", lostRequests: 1 });
  const kinds: RuntimeEvent["kind"][] = [];
  for await (const { kind } of events) {
    kinds.push(kind);
    if (kind === "shim-restarted") abort.abort();
  }

  assert.deepEqual(kinds.slice(0, 5), ["pull-progress", "pull-progress", "pulled", "preparing", "prepared"]);
  assert.ok(kinds.includes("routes-changed"));
});

test("modules are loaded once, stay a while after their last use and are unloaded then", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const a = await started(it, sandbox, containerConfig("a", "test/cat"));
  const b = await started(it, sandbox, containerConfig("b", "test/cat"));
  assert.equal(it.shim.ops().filter((op) => op === "load-module").length, 1);
  await it.cri.stopContainer(a, 1);
  await it.clock.advance(60_000);
  assert.equal(it.shim.ops().includes("unload-module"), false);
  await it.cri.stopContainer(b, 1);
  await it.clock.advance(29_999);
  assert.equal(it.shim.ops().includes("unload-module"), false);
  await it.clock.advance(1);
  assert.deepEqual(it.shim.last("unload-module"), { op: "unload-module", digest: it.shim.last("load-module").digest });
});

test("version() and status() say who answers and whether guests can run", async () => {
  await using it = await fixture({ version: "1.2.3" });
  const { runtimeName, runtimeVersion, runtimeApiVersion } = await it.cri.version();
  assert.deepEqual([runtimeName, runtimeVersion, runtimeApiVersion], ["wasipool", "1.2.3", "v1"]);
  assert.deepEqual(
    (await it.cri.status()).conditions.map(({ status }) => status),
    [true, true],
  );
  it.shim.pid = undefined;
  assert.deepEqual((await it.cri.status()).conditions[0]?.reason, "ShimRestarting");
});

test("disposing the runtime stops everything and closes the sockets", async () => {
  const it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const { url } = it.shim.last("listen");
  await started(it, sandbox, containerConfig("web", "demo/hello"));
  await it[Symbol.asyncDispose]();

  assert.equal(it.shim.pid, undefined);
  assert.ok(it.shim.ops().includes("stop-container"));
  await assert.rejects(connects(url), { code: "ECONNREFUSED" });
});
