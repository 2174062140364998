import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import {
  fixture,
  sandboxConfig,
  served,
  containerConfig,
  started,
  until,
  untilExited,
  untilAsked,
} from "./testing/fixture.ts";

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

const A_NUL = "a\0b";
for (const [name, config, message] of [
  ["a variable without a name", { envs: [{ key: "", value: "" }] }, /"" cannot name a variable$/],
  ["a variable's name with =", { envs: [{ key: "A=B", value: "" }] }, /"A=B" cannot name a variable$/],
  ["a variable's name of 1,025 characters", { envs: [{ key: "k".repeat(1025), value: "" }] }, /"k{80}" cannot name/],
  ["a NUL in a value", { envs: [{ key: "A", value: A_NUL }] }, /the variable A contains a NUL character$/],
  ["a NUL in an argument", { args: [A_NUL] }, /an argument contains a NUL character$/],
  ["129 mounts", { mounts: mountsOf(129) }, /129 mounts are more than 128$/],
  [
    "a mount path of 4,097 characters",
    { mounts: [{ containerPath: `/${"p".repeat(4096)}`, hostPath: "/", readonly: true }] },
    /a mount's path is longer than 4096$/,
  ],
  ["4,097 arguments", { args: Array.from({ length: 4097 }, () => "") }, /more than 4096 arguments or variables$/],
  [
    "arguments of more than 1 MiB",
    { args: ["x".repeat(1024 * 1024)] },
    /arguments and variables are larger than 1 MiB$/,
  ],
] as const) {
  test(`createContainer() refuses ${name}`, async () => {
    await using it = await fixture();
    const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));

    await assert.rejects(it.cri.createContainer(sandbox, containerConfig("job", "x", config), sandboxConfig(it)), {
      code: "INVALID_ARGUMENT",
      message,
    });
  });
}

function mountsOf(count: number) {
  return Array.from({ length: count }, (_, at) => ({ containerPath: `/m${at}`, hostPath: "/", readonly: true }));
}

test("startContainer() names a folder that guests may not enter, and a container path that is not absolute", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const closed = path.join(it.dir, "closed");
  await mkdir(closed, { mode: 0o600 });
  const start = (attempt: number, containerPath: string, hostPath: string) =>
    started(
      it,
      sandbox,
      containerConfig("job", "test/cat", {
        metadata: { name: "job", attempt },
        mounts: [{ containerPath, hostPath, readonly: true }],
      }),
    );

  await assert.rejects(start(0, "/data", closed), {
    code: "FAILED_PRECONDITION",
    message: /Cannot mount .*closed on \/data: guests, which run as uid \d+, may not enter it$/,
  });
  await assert.rejects(start(1, "data", it.dir), /on data: the container path is not absolute$/);
});

test("startContainer() leaves no descriptor open, whether it succeeds or not", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const folder = path.join(it.dir, "volume");
  await mkdir(folder);
  const mounts = [
    { containerPath: "/a", hostPath: folder, readonly: true },
    { containerPath: "/b", hostPath: folder, readonly: true },
  ];
  const missing = { containerPath: "/c", hostPath: path.join(it.dir, "none"), readonly: true };
  const start = (attempt: number, more: readonly (typeof missing)[]) =>
    started(
      it,
      sandbox,
      containerConfig("job", "test/cat", { metadata: { name: "job", attempt }, mounts: [...mounts, ...more] }),
    );
  await it.cri.removeContainer(await start(0, []));
  const openBefore = await folderDescriptors(folder);

  await it.cri.removeContainer(await start(1, []));
  await assert.rejects(start(2, [missing]));
  it.shim.refuse("start-command", "no");
  await assert.rejects(start(3, []));

  assert.equal(await folderDescriptors(folder), openBefore);
});

/** Descriptors of this process that refer to the folder. */
async function folderDescriptors(folder: string): Promise<number> {
  const names = await readdir("/proc/self/fd");
  const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
  return targets.filter((target) => target === folder).length;
}

test("a container keeps its image from its making to its removal, and a refused one does not", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const image = await it.images.pullImage("test/cat");
  const create = () => it.cri.createContainer(sandbox, containerConfig("job", image), sandboxConfig(it));
  assert.equal(it.source.leases.get(image), 0);

  const id = await create();
  await assert.rejects(create(), { code: "ALREADY_EXISTS" });
  assert.equal(it.source.leases.get(image), 1);
  await it.images.removeImage("test/cat");
  await it.cri.startContainer(id);
  await it.cri.stopContainer(id, 0);
  assert.equal(it.source.leases.get(image), 1);
  await it.cri.removeContainer(id);

  assert.equal(it.source.leases.get(image), 0);
});

test("disposing the runtime gives up every image", async () => {
  const it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const id = await started(it, sandbox, containerConfig("job", "test/cat"));
  const { imageRef } = await it.cri.containerStatus(id);

  await it[Symbol.asyncDispose]();

  assert.equal(it.source.leases.get(imageRef), 0);
});

test("startContainer() twice at once starts it once", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const image = await it.images.pullImage("test/cat");
  const id = await it.cri.createContainer(sandbox, containerConfig("job", image), sandboxConfig(it));

  const [first, second] = await Promise.allSettled([it.cri.startContainer(id), it.cri.startContainer(id)]);

  assert.deepEqual([first.status, second.status], ["fulfilled", "rejected"]);
  assert.equal(it.shim.ops().filter((op) => op === "start-command").length, 1);
});

test("stopContainer() waits at most 14 days, whatever grace it is given", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const id = await started(it, sandbox, containerConfig("job", "test/cat"));

  await it.cri.stopContainer(id, Number.MAX_SAFE_INTEGER);

  assert.equal(it.shim.last("stop-container").graceMs, 14 * 24 * 3_600_000);
});

test("a shim that tells no figures holds up neither who asks nor a stop", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it));
  const id = await started(it, sandbox, containerConfig("job", "test/cat"));
  await it.cri.containerStats(id);
  it.shim.silent.add("stats");
  const stats = it.cri.containerStats(id);
  const stopping = it.cri.stopContainer(id, 0);
  await until(async () => it.shim.ops().filter((op) => op === "stats").length === 3);

  await it.clock.advance(1000);
  await stopping;

  assert.equal((await stats).cpuUsageCoreNanoSeconds, 12_500_000n);
  assert.equal((await it.cri.containerStatus(id)).exitCode, 0);
});

test("figures go on from where they were when the shim is replaced or a container is removed", async () => {
  await using it = await fixture();
  const sandbox = await it.cri.runPodSandbox(sandboxConfig(it, served()));
  const id = await started(it, sandbox, containerConfig("web", "demo/hello"));
  await it.cri.containerStats(id);

  await it.shim.notify({ event: "shim-restarted", reason: "signal SIGKILL", downMs: 50 });

  assert.equal((await it.cri.containerStats(id)).cpuUsageCoreNanoSeconds, 25_000_000n);
  await it.cri.removeContainer(id);
  assert.deepEqual(await it.observe.requests(sandbox), [{ container: "web", requests: 6, failures: 2 }]);
  await started(it, sandbox, containerConfig("web", "demo/hello", { metadata: { name: "web", attempt: 1 } }));
  assert.deepEqual(await it.observe.requests(sandbox), [{ container: "web", requests: 9, failures: 3 }]);
});
