import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readFile, symlink, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { FakeClock, silentLogger } from "../base/index.ts";
import type { ContainerConfig, PodSandboxConfig } from "../cri/index.ts";
import { FakeShim, GuestImages } from "./testing/fakes.ts";
import type { RuntimeEvent } from "./observe.ts";
import { createRuntime, type RuntimeSettings } from "./runtime.ts";

const MODULES = "alpha.wagi.krustlet.dev/modules";
const HOST = "alpha.wagi.krustlet.dev/default-host";

async function fixture(settings: RuntimeSettings = {}) {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-runtime-"));
  const shim = new FakeShim();
  const clock = new FakeClock();
  const runtime = await createRuntime({
    startShim: async (onNotice) => {
      shim.notify = onNotice;
      return shim;
    },
    images: new GuestImages(path.join(dir.path, "cache")),
    clock,
    log: silentLogger,
    settings,
  });
  const { runtimeService: cri, imageService: images, observe } = runtime;
  return {
    dir: dir.path,
    shim,
    clock,
    runtime,
    cri,
    images,
    observe,
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}
type Fixture = Awaited<ReturnType<typeof fixture>>;

function sandboxConfig(
  { dir }: Fixture,
  annotations: Record<string, string> = {},
  name = "pod",
  attempt = 0,
): PodSandboxConfig {
  return {
    metadata: { name, uid: `uid-${name}`, namespace: "default", attempt },
    hostname: name,
    logDirectory: path.join(dir, "logs", name),
    portMappings: [],
    labels: { app: name },
    annotations,
    linux: { network: "NODE" },
  };
}

/** A pod with one WAGI module on a free port. */
const served = (modules: object = { web: { route: "/hello/..." } }) => ({
  [HOST]: "127.0.0.1:0",
  [MODULES]: JSON.stringify(modules),
});

function containerConfig(name: string, image: string, more: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    metadata: { name, attempt: 0 },
    image: { image, userSpecifiedImage: image },
    command: [],
    args: [],
    workingDir: "",
    envs: [],
    mounts: [],
    labels: {},
    annotations: {},
    logPath: `${name}/0.log`,
    linux: { resources: { cpuShares: 0, memoryLimitInBytes: 0 } },
    ...more,
  };
}

async function started(it: Fixture, sandbox: string, config: ContainerConfig): Promise<string> {
  const image = await it.images.pullImage(config.image.image);
  const id = await it.cri.createContainer(sandbox, { ...config, image: { ...config.image, image } }, sandboxConfig(it));
  await it.cri.startContainer(id);
  return id;
}

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
    message: `Cannot listen on 127.0.0.1:${port}: another process listens there`,
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

test("a WAGI container goes from created to running to exited, with its spec, routes, counts and events", async () => {
  await using it = await fixture({ annotationRoots: ["/"] });
  const abort = new AbortController();
  const events = it.cri.getContainerEvents(abort.signal);
  const folder = path.join(it.dir, "volume");
  await mkdir(folder);
  const modules = {
    web: {
      route: "/hello/...",
      entrypoint: "handle",
      allowed_hosts: ["https://example.com"],
      http_max_concurrency: 2,
      environment: { A: "module", B: "2" },
      volumes: { "/data": folder },
    },
  };
  const sandbox = await it.cri.runPodSandbox(
    sandboxConfig(it, { ...served(modules), "wasipool.dev/request-timeout": "5s" }),
  );
  const config = containerConfig("web", "demo/hello", {
    envs: [
      { key: "A", value: "container" },
      { key: "C", value: "3" },
    ],
    args: ["x"],
    mounts: [{ containerPath: "/etc/app/", hostPath: folder, readonly: true }],
    linux: { resources: { cpuShares: 512, memoryLimitInBytes: 1_048_576 } },
  });

  const id = await started(it, sandbox, config);

  const { container, wagi } = it.shim.last("start-wagi");
  const { digest, ...spec } = container;
  assert.match(digest, /^sha256:/);
  assert.deepEqual(spec, {
    id,
    name: "web",
    args: ["x"],
    env: [
      { key: "A", value: "module" },
      { key: "C", value: "3" },
      { key: "B", value: "2" },
    ],
    mounts: [
      { guestPath: "/etc/app", readOnly: true },
      { guestPath: "/data", readOnly: false },
    ],
    memoryBytes: 1_048_576,
    weight: 500,
  });
  assert.equal(it.shim.requests.find(({ request }) => request.op === "start-wagi")?.fds, 2);
  assert.deepEqual(wagi, {
    route: "/hello/...",
    entrypoint: "handle",
    allowedHosts: ["https://example.com"],
    httpMaxConcurrency: 2,
    limits: {
      timeoutMs: 5000,
      maxRequestBodyBytes: 10_485_760,
      maxResponseBytes: 33_554_432,
      maxResponseHeaderBytes: 65_536,
      concurrency: 64,
      queue: 256,
    },
  });
  assert.equal((await it.cri.containerStatus(id)).state, "CONTAINER_RUNNING");
  assert.equal(it.observe.routes(sandbox)[0]?.ready, true);
  assert.deepEqual(await it.observe.requests(sandbox), [{ container: "web", requests: 3, failures: 1 }]);
  assert.equal((await it.cri.containerStats(id)).cpuUsageCoreNanoSeconds, 12_500_000n);

  await it.clock.advance(1000);
  await it.cri.stopContainer(id, 30);

  assert.deepEqual(it.shim.last("stop-container"), { op: "stop-container", container: id, graceMs: 30_000 });
  const status = await it.cri.containerStatus(id);
  assert.deepEqual(
    [status.state, status.exitCode, status.reason, status.finishedAt - status.startedAt],
    ["CONTAINER_EXITED", 0, "Completed", 1_000_000_000n],
  );
  assert.equal(it.observe.routes(sandbox)[0]?.ready, false);
  assert.deepEqual(await it.observe.requests(sandbox), [{ container: "web", requests: 3, failures: 1 }]);
  await it.cri.removeContainer(id);
  await assert.rejects(it.cri.containerStatus(id), { code: "NOT_FOUND" });
  const types: string[] = [];
  for await (const event of events) {
    assert.deepEqual([event.containerId, event.podSandboxId], [id, sandbox]);
    types.push(event.type);
    if (types.length === 4) abort.abort();
  }
  assert.deepEqual(
    types,
    ["CREATED", "STARTED", "STOPPED", "DELETED"].map((type) => `CONTAINER_${type}_EVENT`),
  );
});

test("a command gets its command line, writes its log and ends by itself", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const id = await started(it, sandbox, containerConfig("job", "test/cat", { args: ["-n"], workingDir: "/srv" }));

  const { container } = it.shim.last("start-command");
  assert.deepEqual(container.args, ["job", "-n"]);
  assert.deepEqual(container.env, [{ key: "PWD", value: "/srv" }]);
  assert.equal(container.weight, 100);
  await it.shim.notify({ event: "log", container: id, stream: "stdout", text: Buffer.from("hello\nwor") });
  await it.shim.notify({ event: "log", container: "unknown", stream: "stdout", text: Buffer.from("-") });
  await it.shim.notify({ event: "exited", container: id, exit: { exitCode: 134, reason: "Error", message: "trap" } });
  await untilExited(it, id);

  const status = await it.cri.containerStatus(id);
  assert.deepEqual([status.exitCode, status.reason, status.message], [134, "Error", "trap"]);
  const lines = (await readFile(status.logPath, "utf8"))
    .split("\n")
    .map((line) => line.slice("2026-01-01T00:00:00.000000000Z ".length));
  assert.deepEqual(lines, ["stdout F hello", "stdout F wor", ""]);
  await it.cri.stopContainer(id, 1);
  assert.equal(it.shim.ops().includes("stop-container"), false);
});

test("command replaces the name and a container without entry in the annotation is a command", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  await started(it, sandbox, containerConfig("sidecar", "test/cat", { command: ["cat", "-u"], args: ["x"] }));

  assert.deepEqual(it.shim.last("start-command").container.args, ["cat", "-u", "x"]);
});

test("a container that ended before its start was answered still runs first and ends then", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const image = await it.images.pullImage("test/cat");
  const id = await it.cri.createContainer(sandbox, containerConfig("job", image), sandboxConfig(it));
  const request = it.shim.request.bind(it.shim);
  it.shim.request = async (asked, fds) => {
    if (asked.op === "start-command")
      await it.shim.notify({ event: "exited", container: id, exit: { exitCode: 3, reason: "Error", message: "" } });
    return request(asked, fds);
  };

  await it.cri.startContainer(id);
  await untilExited(it, id);
  const status = await it.cri.containerStatus(id);
  assert.equal(status.exitCode, 3);
  assert.ok(status.startedAt > 0n);
});

test("createContainer() refuses what can never run, each with the image's name", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const file = async (name: string, bytes: readonly number[]) => {
    const whole = path.join(it.dir, name);
    await writeFile(whole, Uint8Array.from(bytes));
    return whole;
  };
  const importing = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 9, 1, 3, 101, 110, 118, 1, 102, 0, 0];
  for (const [image, code, message] of [
    [await file("empty", []), "FAILED_PRECONDITION", /not WebAssembly/],
    [
      await file("component", [0, 97, 115, 109, 13, 0, 1, 0]),
      "FAILED_PRECONDITION",
      /is a component \(WASI 0\.2 or later\)/,
    ],
    [await file("missing", importing), "FAILED_PRECONDITION", /does not have: env\.f$/],
    [await file("truncated", [0, 97, 115, 109, 1, 0, 0, 0, 1, 9]), "FAILED_PRECONDITION", /cannot run here: /],
    [await file("library", [0, 97, 115, 109, 1, 0, 0, 0]), "FAILED_PRECONDITION", /without a function _start/],
  ] as const) {
    await it.images.pullImage(image);
    await assert.rejects(it.cri.createContainer(sandbox, containerConfig("job", image), sandboxConfig(it)), {
      code,
      message,
    });
  }
  await assert.rejects(it.cri.createContainer(sandbox, containerConfig("job", "nowhere"), sandboxConfig(it)), {
    code: "NOT_FOUND",
    message: "Image nowhere is not in the store; pull it first",
  });
  assert.deepEqual(await it.cri.listContainers(), []);
});

test("createContainer() refuses a module that needs more memory than its limit", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, { "wasipool.dev/memory": "1Mi" }));
  await it.images.pullImage("test/hello-17-pages");

  await assert.rejects(
    it.cri.createContainer(sandbox, containerConfig("job", "test/hello-17-pages"), sandboxConfig(it)),
    {
      code: "FAILED_PRECONDITION",
      message: /needs 1\.1 MiB of memory; its limit is 1 MiB/,
    },
  );
});

test("createContainer() refuses an attempt twice and a stopped sandbox", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const image = await it.images.pullImage("test/cat");
  const create = (attempt: number) =>
    it.cri.createContainer(
      sandbox,
      containerConfig("job", image, { metadata: { name: "job", attempt } }),
      sandboxConfig(it),
    );
  const id = await create(0);

  await assert.rejects(create(0), { code: "ALREADY_EXISTS", message: /job, attempt 0, exists already/ });
  await it.cri.stopPodSandbox(sandbox);
  await assert.rejects(create(1), { code: "FAILED_PRECONDITION", message: /of pod default\/pod is stopped/ });
  await assert.rejects(it.cri.startContainer(id), { code: "FAILED_PRECONDITION" });
  await assert.rejects(it.cri.createContainer("none", containerConfig("x", image), sandboxConfig(it)), {
    code: "NOT_FOUND",
  });
});

for (const [op, code, cri] of [
  ["load-module", "unusable", "FAILED_PRECONDITION"],
  ["start-command", "exhausted", "RESOURCE_EXHAUSTED"],
  ["start-command", "internal", "INTERNAL"],
] as const) {
  test(`startContainer() fails with ${cri} and the shim's message when ${op} answers ${code}`, async () => {
    await using it = await fixture();
    const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
    it.shim.refuse(op, "start function: unreachable", code);

    await assert.rejects(started(it, sandbox, containerConfig("job", "test/cat")), {
      code: cri,
      message: /^Cannot start container job \([0-9a-f]{13}\): start function: unreachable$/,
    });
    const [container] = await it.cri.listContainers();
    const status = await it.cri.containerStatus(container?.id ?? "");
    assert.deepEqual(
      [status.state, status.exitCode, status.reason, status.message],
      ["CONTAINER_EXITED", 128, "StartError", "start function: unreachable"],
    );
    await assert.rejects(it.cri.startContainer(status.id), {
      code: "FAILED_PRECONDITION",
      message: /only a created one/,
    });
  });
}

test("startContainer() names a volume that cannot be mounted", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  await writeFile(path.join(it.dir, "file"), "");
  await symlink(it.dir, path.join(it.dir, "link"));
  let attempt = 0;
  for (const [hostPath, message] of [
    [path.join(it.dir, "none"), /Cannot mount .*none on \/data: there is no such folder/],
    [path.join(it.dir, "file"), /Cannot mount .*file on \/data: it is not a folder/],
    [path.join(it.dir, "link"), /Cannot mount .*link on \/data: it is not a folder, or a symbolic link/],
    ["relative", /Cannot mount relative on \/data: the host path is not absolute/],
  ] as const) {
    const config = containerConfig("job", "test/cat", {
      metadata: { name: "job", attempt: attempt++ },
      mounts: [{ containerPath: "/data", hostPath, readonly: false }],
    });
    await assert.rejects(started(it, sandbox, config), { code: "FAILED_PRECONDITION", message });
  }
});

test("volumes of the annotation are held below the allowed folders", async () => {
  await using outer = await mkdtempDisposable(path.join(tmpdir(), "wasipool-roots-"));
  await using it = await fixture({ annotationRoots: [outer.path] });
  await mkdir(path.join(outer.path, "in"));
  await symlink(it.dir, path.join(outer.path, "out"));
  await mkdir(path.join(it.dir, "in"));
  let attempt = 0;
  const start = async (hostPath: string) => {
    const modules = { web: { route: "/", volumes: { "/data": hostPath } } };
    const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served(modules), `pod-${attempt++}`));
    return started(it, sandbox, containerConfig("web", "demo/hello"));
  };

  await start(path.join(outer.path, "in"));
  for (const hostPath of [it.dir, path.join(outer.path, "out/in"), `${outer.path}x`.slice(0, -1).replace(/.$/, "")])
    await assert.rejects(start(hostPath), /may name only folders below|there is no such folder/);
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

test("stopContainer() reports 137 when the shim never tells the end", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const id = await started(it, sandbox, containerConfig("job", "test/cat"));
  it.shim.isDeaf = true;
  const stopping = it.cri.stopContainer(id, 2);
  await untilAsked(it, "stop-container");

  await it.clock.advance(6_999);
  assert.equal((await it.cri.containerStatus(id)).state, "CONTAINER_RUNNING");
  await it.clock.advance(1);
  await stopping;
  const status = await it.cri.containerStatus(id);
  assert.deepEqual([status.exitCode, status.message], [137, "The shim did not tell the end in time"]);
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

async function connects(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = net.connect(Number(port), hostname);
  socket.once("connect", resolve).once("error", reject);
  await promise.finally(() => socket.destroy());
}

async function untilExited(it: Fixture, id: string): Promise<void> {
  await until(async () => (await it.cri.containerStatus(id)).state === "CONTAINER_EXITED");
}

async function untilAsked(it: Fixture, op: string): Promise<void> {
  await until(async () => it.shim.ops().some((asked) => asked === op));
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await isDone()); turns++) {
    assert.ok(turns < 10_000, "it never came");
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
