// Processes, workers and commands that die: what is lost, and that everything else goes on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { wat } from "../wasm-spec/wat.ts";
import { containerOf, get, residentBytes, type World, world } from "./world.ts";

/** Prints 4 KiB of NULs again and again. */
const PRINTER = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\00\\10\\00\\00\\00\\10\\00\\00")
  (func (export "_start") (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br 0))))`);

/** Clients that ask one after another, each on connections of its own, until `stop` is called. */
function load(url: string, clients: number) {
  const over = new AbortController();
  const counts = { answered: 0, failed: 0 };
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { status } = await get(url).catch(() => ({ status: 0 }));
      if (status === 200) counts.answered++;
      else counts.failed++;
    }
  };
  const running = Array.from({ length: clients }, client);
  return {
    counts,
    async stop(): Promise<void> {
      over.abort();
      await Promise.all(running);
    },
  };
}

/** Another shim process of this one's, once it runs its workers: it has left the first stage and has threads beside Node's own. */
async function childBesides(known: number): Promise<number> {
  for (;;) {
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")
      .trim()
      .split(" ")
      .map(Number);
    const other = children.find((pid) => pid !== known && isUp(pid));
    if (other !== undefined) return other;
    await new Promise((resolve) => void setImmediate(resolve));
  }
}

function isUp(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("shim-process.entry");
  } catch {
    return false;
  }
}

async function untilRestarted(it: World) {
  return it.until((all) => all.find((notice) => notice.event === "shim-restarted"));
}

suite("a shim process that is killed", () => {
  test("is replaced by the one that stands by, and another takes its place", async () => {
    await using it = await world({ standby: true });
    await it.load("demo/hello");
    const url = await it.listen("s", "web");
    await it.serve("s", containerOf("web"));
    const [first, spare] = [it.pid(), await childBesides(it.pid())];

    process.kill(first, "SIGKILL");
    const restarted = await untilRestarted(it);
    const answer = await get(`${url}/web`);

    assert.equal(answer.status, 200);
    assert.equal(it.pid(), spare);
    assert.equal(restarted.reason, "killed by SIGKILL");
    assert.notEqual(await childBesides(spare), first);
  });

  test("is replaced: connections wait, only requests in flight fail, all is served again", async () => {
    await using it = await world();
    await it.load("demo/hello");
    const url = await it.listen("s", "web");
    await it.serve("s", containerOf("web"));
    const clients = 4;
    const before = it.pid();
    const running = load(`${url}/web`, clients);
    await get(`${url}/web`);

    process.kill(before, "SIGKILL");
    const waited = await get(`${url}/web`).catch(() => get(`${url}/web`));
    const restarted = await untilRestarted(it);
    await running.stop();

    assert.equal(waited.status, 200);
    assert.notEqual(it.pid(), before);
    assert.ok(running.counts.failed <= clients, `${running.counts.failed} requests failed`);
    assert.ok(running.counts.answered > 0);
    assert.equal(restarted.reason, "killed by SIGKILL");
    const { requests } = await it.shim.request({ op: "stats", container: "web" });
    assert.ok(requests > 0);
  });

  test("takes commands along, which are told as killed, and can run new ones", async () => {
    await using it = await world({ workers: 1 });
    const spin = await it.load("test/spin");
    const hello = await it.load("demo/hello");
    await it.shim.request({ op: "start-command", sandbox: "s", container: containerOf("job", { digest: spin }) });

    process.kill(it.pid(), "SIGKILL");
    const exit = await it.untilExited("job");
    await it.shim.request({ op: "start-command", sandbox: "s", container: containerOf("next", { digest: hello }) });

    assert.equal(exit.exitCode, 137);
    assert.match(exit.message, /The shim process that ran it died: killed by SIGKILL/);
    assert.equal((await it.untilExited("next")).exitCode, 0);
  });

  test("does not bring back what was stopped or removed", async () => {
    await using it = await world({ workers: 1 });
    await it.load("demo/hello");
    const url = await it.listen("s", "web", "gone");
    await it.serve("s", containerOf("web"));
    await it.serve("s", containerOf("gone"));
    await it.shim.request({ op: "stop-container", container: "gone", graceMs: 0 });
    await it.untilExited("gone");

    process.kill(it.pid(), "SIGKILL");
    await untilRestarted(it);

    assert.equal((await get(`${url}/web`)).status, 200);
    assert.equal((await get(`${url}/gone`)).status, 503);
  });
});

suite("a command that prints for ever", () => {
  test("waits for its log to be written: nothing grows", async () => {
    const gate = Promise.withResolvers<void>();
    await using it = await world({
      workers: 1,
      onNotice: (notice) => (notice.event === "log" ? gate.promise : undefined),
    });
    const digest = await it.load("printer", PRINTER);
    const before = residentBytes(it.pid());

    await it.shim.request({ op: "start-command", sandbox: "s", container: containerOf("job", { digest }) });
    const sent = () => Buffer.byteLength(it.logOf("job"));
    await it.until(() => (sent() >= 256 * 1024 ? true : undefined));
    // The window is full now: whatever else is answered, no more output comes.
    for (let turn = 0; turn < 20; turn++) await it.shim.request({ op: "stats", container: "job" });
    const held = sent();
    const grown = residentBytes(it.pid()) - before;
    gate.resolve();
    await it.until(() => (sent() > 2 * held ? true : undefined));
    await it.shim.request({ op: "stop-container", container: "job", graceMs: 0 });

    assert.ok(held <= 256 * 1024 + 16 * 1024, `${held} bytes were sent into a log that is not written`);
    assert.ok(grown < 64 * 1024 * 1024, `grew by ${grown} bytes`);
    assert.equal((await it.untilExited("job")).exitCode, 137);
  });
});
