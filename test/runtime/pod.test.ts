// The runtime with a real shim process and real guests, through CRI and HTTP.
import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import type { ContainerStatus } from "../../src/cri/index.ts";
import { createRuntime } from "../../src/runtime/index.ts";
import { GuestImages } from "../../src/runtime/testing/fakes.ts";
import {
  containerConfig,
  type RuntimeUnderTest,
  sandboxConfig,
  served,
  started,
} from "../../src/runtime/testing/fixture.ts";
import { type ShimClient, startShim } from "../../src/shim/index.ts";

async function fixture() {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-pod-"));
  let shim: ShimClient | undefined;
  const runtime = await createRuntime({
    startShim: async (onNotice) =>
      (shim = await startShim({ workers: 1, log: silentLogger, clock: systemClock, onNotice })),
    images: new GuestImages(path.join(dir.path, "cache")),
    clock: systemClock,
    log: silentLogger,
  });
  return {
    dir: dir.path,
    cri: runtime.runtimeService,
    images: runtime.imageService,
    observe: runtime.observe,
    shimPid: () => shim?.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}

function urlOf({ observe }: RuntimeUnderTest, sandbox: string): string {
  const [first] = observe.routes(sandbox);
  assert.ok(first);
  return first.url;
}

/** Waits for the container's end, by its events. */
async function ended({ cri }: RuntimeUnderTest, id: string): Promise<ContainerStatus> {
  const abort = new AbortController();
  const events = cri.getContainerEvents(abort.signal);
  let status = await cri.containerStatus(id);
  if (status.state !== "CONTAINER_EXITED")
    for await (const event of events) if (event.containerId === id && event.type === "CONTAINER_STOPPED_EVENT") break;
  abort.abort();
  status = await cri.containerStatus(id);
  return status;
}

async function logOf(status: ContainerStatus): Promise<readonly string[]> {
  const lines = (await readFile(status.logPath, "utf8")).trimEnd().split("\n");
  return lines.map((line) => line.slice(line.indexOf(" ") + 1));
}

test("a WAGI pod answers from its container, with its environment, and counts what it answered", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served({ web: { route: "/env/..." } })));
  assert.equal((await fetch(urlOf(it, sandbox))).status, 503);
  const id = await started(
    it,
    sandbox,
    containerConfig("web", "test/env", { envs: [{ key: "GREETING", value: "hi" }] }),
  );

  const response = await fetch(`${urlOf(it, sandbox)}/below?x=1`);
  const lines = (await response.text()).split("\n");

  assert.equal(response.status, 200);
  assert.ok(lines.includes("env GREETING=hi"));
  assert.ok(lines.includes("env PATH_INFO=/below"));
  assert.deepEqual(await it.observe.requests(sandbox), [{ container: "web", requests: 1, failures: 0 }]);
  await it.cri.stopContainer(id, 2);
  assert.equal((await it.cri.containerStatus(id)).exitCode, 0);
});

test("commands end with their exit code, traps and memory limits as Kubernetes shows them, and their logs", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  for (const [args, exitCode, reason] of [
    [["exit", "7"], 7, "Error"],
    [["trap"], 134, "Error"],
    [["grow"], 137, "OOMKilled"],
    [[], 0, "Completed"],
  ] as const) {
    const name = args[0] ?? "fine";
    const status = await ended(it, await started(it, sandbox, containerConfig(name, "test/fail", { args })));
    assert.deepEqual([status.exitCode, status.reason], [exitCode, reason], name);
    assert.equal((await logOf(status))[0], `stderr F fail: ${args[0] ?? ""}`);
  }
});

test("a command that spins is ended when its grace is over", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const id = await started(it, sandbox, containerConfig("spin", "test/spin"));

  await it.cri.stopContainer(id, 0);

  const status = await it.cri.containerStatus(id);
  assert.equal(status.state, "CONTAINER_EXITED");
  assert.ok(status.exitCode === 137 || status.exitCode === 143);
});

test("a module that cannot start fails its container alone, with its reason", async () => {
  await using it = await fixture();
  const modules = { web: { route: "/hello" }, broken: { route: "/broken", entrypoint: "missing" } };
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served(modules)));
  await started(it, sandbox, containerConfig("web", "demo/hello"));

  await assert.rejects(started(it, sandbox, containerConfig("broken", "demo/hello")), {
    code: "FAILED_PRECONDITION",
    message: /Cannot start container broken .*"?missing"?/,
  });

  assert.equal(await (await fetch(urlOf(it, sandbox))).text(), "hello world\n");
});

test("a killed shim is replaced: routes answer again, commands are told as lost", async () => {
  await using it = await fixture();
  const abort = new AbortController();
  const events = it.observe.events(abort.signal);
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served({ web: { route: "/hello" } })));
  await started(it, sandbox, containerConfig("web", "demo/hello"));
  const command = await started(it, sandbox, containerConfig("spin", "test/spin"));

  process.kill(it.shimPid(), "SIGKILL");
  for await (const event of events) if (event.kind === "shim-restarted") break;

  assert.equal((await ended(it, command)).exitCode, 137);
  assert.equal(await (await fetch(urlOf(it, sandbox))).text(), "hello world\n");
  assert.equal((await it.cri.listContainers({ state: "CONTAINER_RUNNING" })).length, 1);
  abort.abort();
});

test("a takeover under load loses no request", async () => {
  await using it = await fixture();
  const old = await it.cri.runPodSandbox(sandboxConfig(it, served({ web: { route: "/" } })));
  await started(it, old, containerConfig("web", "demo/hello"));
  const url = urlOf(it, old);
  const load = new AbortController();
  const clients = Array.from({ length: 4 }, () => answersUntil(url, load.signal));

  const annotations = { ...served({ web: { route: "/" } }), "wasipool.dev/takeover": old };
  const next = await it.cri.runPodSandbox(sandboxConfig(it, annotations, "pod", 1));
  await started(it, next, containerConfig("web", "test/count"));
  assert.equal(urlOf(it, next), url);
  await it.cri.removePodSandbox(old);
  assert.match(await (await fetch(url)).text(), /^1\n$/);
  load.abort();

  const answers = (await Promise.all(clients)).flat();
  assert.deepEqual(new Set(answers), new Set(["200 hello world\n", "200 1\n"]));
});

/** What each request got, one after another, until the signal aborts. */
async function answersUntil(url: string, signal: AbortSignal): Promise<readonly string[]> {
  const answers: string[] = [];
  while (!signal.aborted) {
    const response = await fetch(url);
    answers.push(`${response.status} ${await response.text()}`);
  }
  return answers;
}
