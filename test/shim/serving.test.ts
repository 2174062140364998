// What the runtime asks of a shim process, each operation seen through HTTP and notices.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ShimError } from "../../src/shim/index.ts";
import { containerOf, descriptorsOf, get, threadsOf, world } from "./world.ts";

suite("a shim process", () => {
  test("serves a module once it is started; its route answers 503 before and after", async () => {
    await using it = await world();
    await it.load("demo/hello");
    const url = await it.listen("s", "web");
    const before = await get(`${url}/web`);

    const started = await it.serve("s", containerOf("web"));
    const during = await get(`${url}/web`);
    await it.shim.request({ op: "stop-container", container: "web", graceMs: 1000 });
    const exit = await it.untilExited("web");
    const after = await get(`${url}/web`);

    assert.equal(before.status, 503);
    assert.deepEqual(started, { routes: [{ route: "/web/...", entrypoint: "_start" }] });
    assert.deepEqual(during, { status: 200, body: "hello world\n" });
    assert.deepEqual(exit, { exitCode: 0, reason: "Completed", message: "" });
    assert.equal(after.status, 503);
  });

  test("answers the routes that a module prints, last first", async () => {
    await using it = await world();
    const digest = await it.load("test/routes");
    const url = await it.listen("s", "web");

    const { routes } = await it.serve("s", containerOf("web", { digest }));

    assert.deepEqual(routes, [
      { route: "/web/main", entrypoint: "_start" },
      { route: "/web/wildcard/...", entrypoint: "on_wildcard" },
      { route: "/web/exact", entrypoint: "on_exact" },
      { route: "/web/...", entrypoint: "_start" },
    ]);
    assert.equal((await get(`${url}/web/exact`)).body, "exact\n");
  });

  test("runs a command: its output and exit code are told, the output first", async () => {
    await using it = await world();
    const digest = await it.load("test/fail");

    const container = containerOf("job", { digest, args: ["fail", "exit", "3"] });
    await it.shim.request({ op: "start-command", sandbox: "s", container });
    const exit = await it.untilExited("job");

    assert.deepEqual(exit, { exitCode: 3, reason: "Error", message: "" });
    assert.equal(it.logOf("job"), "fail: exit\n");
    assert.equal(it.notices.at(-1)?.event, "exited");
  });

  test("ends a command that never ends: 143 with a grace period, 137 without", async () => {
    await using it = await world();
    const digest = await it.load("test/spin");
    for (const [id, graceMs, exitCode] of [
      ["gentle", 1000, 143],
      ["hard", 0, 137],
    ] as const) {
      await it.shim.request({ op: "start-command", sandbox: "s", container: containerOf(id, { digest }) });
      await it.shim.request({ op: "stop-container", container: id, graceMs });
      assert.equal((await it.untilExited(id)).exitCode, exitCode);
    }
  });

  test("hands a sandbox's connections to another, so that removing the first closes nothing", async () => {
    await using it = await world();
    await it.load("demo/hello");
    const routes = await it.load("test/routes");
    const url = await it.listen("old", "web");
    await it.serve("old", containerOf("web"));
    await it.shim.request({
      op: "declare-routes",
      sandbox: "new",
      routes: [{ route: "/web/...", container: "web" }],
    });
    await it.serve("new", containerOf("next", { name: "web", digest: routes }));

    await it.shim.request({ op: "take-over", from: "old", to: "new" });
    await it.shim.request({ op: "remove-sandbox", sandbox: "old", graceMs: 100 });

    assert.equal((await get(`${url}/web`)).body, "start\n");
  });

  test("counts requests, failures and processor time over all workers", async () => {
    await using it = await world();
    const digest = await it.load("test/busy");
    const failing = await it.load("test/spin");
    const url = await it.listen("s", "busy", "spin");
    await it.serve("s", containerOf("busy", { digest }));
    await it.serve("s", containerOf("spin", { digest: failing }), { timeoutMs: 100 });

    await Promise.all(Array.from({ length: 8 }, () => get(`${url}/busy`)));
    const spun = await get(`${url}/spin`);
    const busy = await it.shim.request({ op: "stats", container: "busy" });
    const spin = await it.shim.request({ op: "stats", container: "spin" });

    assert.equal(spun.status, 504);
    assert.deepEqual([busy.requests, busy.failures], [8, 0]);
    assert.deepEqual([spin.requests, spin.failures], [1, 1]);
    assert.ok(busy.cpuMs > 0 && spin.cpuMs > 10, JSON.stringify({ busy, spin }));
  });

  test("refuses what cannot be done with a code and a message, and goes on", async () => {
    await using it = await world();
    await it.load("demo/hello");
    const url = await it.listen("s", "web");
    const refusals = [
      [
        () => it.serve("s", containerOf("web", { digest: "sha256:unknown" })),
        "not-found",
        /sha256:unknown is not loaded/,
      ],
      [() => it.serve("s", containerOf("other")), "internal", /not among the declared routes/],
      [
        () => it.shim.request({ op: "stop-container", container: "none", graceMs: 0 }),
        "not-found",
        /No container none/,
      ],
      [() => it.shim.request({ op: "listen", sandbox: "s", url }), "internal", /1 descriptors were expected, 0 came/],
      [
        () => it.serve("s", containerOf("web", { mounts: [{ guestPath: "/data", readOnly: true }] })),
        "internal",
        /1 descriptors were expected, 0 came/,
      ],
    ] as const;

    for (const [request, code, message] of refusals) {
      await assert.rejects(request(), (error) => {
        assert.ok(error instanceof ShimError);
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      });
    }
    await it.serve("s", containerOf("web"));

    assert.equal((await get(`${url}/web`)).status, 200);
  });

  test("keeps no descriptor and no thread of containers that are gone", async () => {
    await using it = await world();
    const digest = await it.load("test/fail");
    const cycle = async (round: number) => {
      await it.load("demo/hello");
      const url = await it.listen(`s${round}`, "web");
      await it.serve(`s${round}`, containerOf(`web${round}`, { name: "web" }));
      await get(`${url}/web`);
      const job = containerOf(`job${round}`, { digest });
      await it.shim.request({ op: "start-command", sandbox: `s${round}`, container: job });
      await it.untilExited(job.id);
      await it.shim.request({ op: "stop-container", container: `web${round}`, graceMs: 0 });
      await it.untilExited(`web${round}`);
      await it.shim.request({ op: "remove-sandbox", sandbox: `s${round}`, graceMs: 0 });
      await it.shim.request({ op: "unload-module", digest: "sha256:hello" });
    };
    const counts = () => ({
      ours: descriptorsOf(process.pid).length,
      descriptors: descriptorsOf(it.pid()).length,
      threads: threadsOf(it.pid()).length,
    });
    for (let round = 0; round < 2; round++) await cycle(round);
    const before = counts();

    for (let round = 2; round < 10; round++) await cycle(round);

    const { ours: _, ...inShim } = before;
    const { ours, ...inShimAfter } = counts();
    assert.deepEqual(inShimAfter, inShim);
    // The eight listening sockets that the test itself keeps until its end.
    assert.equal(ours, before.ours + 8);
  });
});
