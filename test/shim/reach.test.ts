// What the process that runs guests is and can reach; docs/security.md lists it.
import assert from "node:assert/strict";
import { closeSync, constants, mkdirSync, openSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import { containerOf, descriptorsOf, get, statusOf, threadsOf, world } from "./world.ts";

const isRoot = process.geteuid?.() === 0;
const NO_CAPABILITIES = "0".repeat(16);

suite("what a shim process can reach", () => {
  test("every thread has no capability and gets no new privileges", async () => {
    await using it = await world();
    for (const thread of threadsOf(it.pid())) {
      const status = statusOf(it.pid(), thread);
      const sets = ["CapInh", "CapPrm", "CapEff", "CapAmb"].map((set) => status.get(set));
      assert.deepEqual(
        sets,
        sets.map(() => NO_CAPABILITIES),
      );
      assert.equal(status.get("NoNewPrivs"), "1");
    }
  });

  test(
    "as root's child it is another user without groups, whose bounding set is empty",
    { skip: !isRoot },
    async () => {
      await using it = await world();
      const status = statusOf(it.pid());

      assert.match(status.get("Uid") ?? "", /^(\d+)\t\1\t\1\t\1$/);
      assert.notEqual(Number.parseInt(status.get("Uid") ?? "0", 10), 0);
      assert.equal(status.get("Groups")?.trim(), "");
      assert.equal(status.get("CapBnd"), NO_CAPABILITIES);
    },
  );

  test("its environment is empty and its folder is the root", async () => {
    await using it = await world();

    assert.equal(readFileSync(`/proc/${it.pid()}/environ`).length, 0);
    assert.equal(readlinkSync(`/proc/${it.pid()}/cwd`), "/");
  });

  test("it inherits its two sockets and standard streams, nothing that the runtime had open", async () => {
    const secret = openSync("/proc/self/status", constants.O_RDONLY);
    await using it = await world();
    closeSync(secret);
    const targets = descriptorsOf(it.pid()).map((fd) => readlinkSync(`/proc/${it.pid()}/fd/${fd}`));

    const files = targets.filter((target) => target.startsWith("/"));
    const code = path.resolve(import.meta.dirname, "../..");
    const node = process.execPath;
    assert.deepEqual(
      files.filter((file) => ![code, node, "/dev/null"].includes(file)),
      [],
    );
    // The stream, the packets and standard error (which Node makes a socket pair).
    assert.equal(targets.filter((target) => target.startsWith("socket:")).length, 3);
  });

  test("its limits: no core file, bounded descriptors and files", async () => {
    await using it = await world();
    const limits = readFileSync(`/proc/${it.pid()}/limits`, "utf8");

    assert.match(limits, /^Max core file size\s+0\s+0\s/m);
    assert.match(limits, /^Max locked memory\s+0\s+0\s/m);
    assert.match(limits, /^Max msgqueue size\s+0\s+0\s/m);
    const [, files = ""] = /^Max open files\s+(\d+)\s/m.exec(limits) ?? [];
    assert.ok(Number(files) <= 65_536, `may open ${files} files`);
  });

  test("a file that only root may read is closed to a guest that is given its folder", { skip: !isRoot }, async () => {
    await using it = await world({ workers: 1 });
    const digest = await it.load("test/cat");
    const folder = path.join(it.dir, "volume");
    mkdirSync(folder);
    for (const [name, mode] of [
      ["secret", 0o600],
      ["open", 0o644],
    ] as const)
      writeFileSync(path.join(folder, name), `${name}\n`, { mode });
    const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    const url = await it.listen("s", "cat");
    const container = containerOf("cat", { digest, mounts: [{ guestPath: "/", readOnly: true }] });
    const limits = { timeoutMs: 5000, maxRequestBodyBytes: 0, maxResponseBytes: 4096, maxResponseHeaderBytes: 4096 };
    const wagi = {
      route: "/cat/...",
      entrypoint: "_start",
      allowedHosts: [],
      limits: { ...limits, concurrency: 1, queue: 1 },
    };
    await it.shim.request({ op: "start-wagi", sandbox: "s", container, wagi }, [fd]);
    closeSync(fd);

    assert.deepEqual(await get(`${url}/cat?open`), { status: 200, body: "open\n" });
    assert.equal((await get(`${url}/cat?secret`)).status, 500);
    // WASI's EACCES; the log may come after the answer.
    await it.until(() => (it.logOf("cat").includes("exited with code 2") ? true : undefined));
  });
});
