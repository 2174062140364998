// Real worker threads on a real socket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { suite, test } from "node:test";
import { type Clock, FakeClock, systemClock } from "../../base/index.ts";
import { createEpoch, startTicker } from "../../engine/index.ts";
import { instrument } from "../../wasm/index.ts";
import { duplicate } from "../channel/index.ts";
import { GatewayWorkers, type GatewayWorkersOptions } from "./gateway-workers.ts";
import { BEAT_INTERVAL_MS, type WorkerRequest } from "./worker-protocol.ts";

const LIMITS = {
  timeoutMs: 30_000,
  maxRequestBodyBytes: 1024,
  maxResponseBytes: 1024,
  maxResponseHeaderBytes: 1024,
  concurrency: 8,
  queue: 8,
};

async function guest(name: string, file: string): Promise<{ load: WorkerRequest; serve: WorkerRequest }> {
  const { bytes, layout } = instrument(readFileSync(new URL(`../../../guests/${file}.wasm`, import.meta.url)));
  const prepared = { digest: name, layout, module: await WebAssembly.compile(bytes) };
  const container = { id: name, name, digest: name, args: [], env: [], mounts: [], memoryBytes: 1 << 24, weight: 100 };
  const route = `/${name}/...`;
  const wagi = { route, entrypoint: "_start", allowedHosts: [], limits: LIMITS };
  const routes = [{ route, entrypoint: "_start" }];
  return {
    load: { op: "load-module", prepared },
    serve: { op: "serve", sandbox: "s", container, wagi, fds: [], routes },
  };
}

/** Workers that serve `/hello` and `/sleep` on a socket, also after they were replaced. */
async function serving(count: number, more: Partial<GatewayWorkersOptions> = {}) {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const handle = (server as unknown as { _handle: { fd: number } })._handle;
  const fd = duplicate(handle.fd);
  server.close();
  const guests = [await guest("hello", "demo/hello"), await guest("sleep", "test/sleep")];
  const routes = ["hello", "sleep"].map((container) => ({ route: `/${container}/...`, container }));
  const steps: readonly (readonly WorkerRequest[])[] = [
    guests.map(({ load }) => load),
    [{ op: "declare-routes", sandbox: "s", routes }],
    guests.map(({ serve }) => serve),
    [{ op: "listen", sandbox: "s", fd }],
  ];
  const epoch = createEpoch().memory;
  const ticker = startTicker(epoch);
  const replaced = Promise.withResolvers<{ reason: string; lost: number }>();
  const workers = await GatewayWorkers.start({
    count,
    epoch,
    settings: {},
    clock: systemClock,
    replay: () => steps,
    onLog: () => {},
    onReplaced: (reason, lost) => replaced.resolve({ reason, lost }),
    onHopeless: replaced.reject,
    ...more,
  });
  return {
    workers,
    url: `http://127.0.0.1:${port}`,
    replaced: replaced.promise,
    async [Symbol.asyncDispose]() {
      workers.close();
      await ticker.close();
      closeSync(fd);
    },
  };
}

async function statusOf(url: string): Promise<number> {
  const [response] = (await once(http.get(url, { agent: false }), "response")) as [http.IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}

suite("GatewayWorkers", () => {
  test("replaces a worker that ended; only its requests under way are lost, and counted", async () => {
    await using it = await serving(1);
    const lost = statusOf(`${it.url}/sleep?60000`).catch((error: unknown) => error);
    // One loop: when this is answered, the connection before has been accepted and its request is under way.
    assert.equal(await statusOf(`${it.url}/hello`), 200);

    await it.workers.fail(0, "for this test");
    const waited = statusOf(`${it.url}/hello`);

    assert.deepEqual(await it.replaced, { reason: "for this test", lost: 1 });
    assert.equal(await waited, 200);
    assert.ok((await lost) instanceof Error);
  });

  test("goes on with the others while one is replaced", async () => {
    await using it = await serving(2);

    await it.workers.fail(0, "for this test");

    const statuses = await Promise.all(Array.from({ length: 8 }, () => statusOf(`${it.url}/hello`)));
    assert.deepEqual(
      statuses,
      Array.from({ length: 8 }, () => 200),
    );
    assert.equal((await it.replaced).lost, 0);
  });

  test("askAll() answers for the workers that are there when it resolves", async () => {
    await using it = await serving(2);

    const asked = it.workers.askAll({ op: "stats", container: "hello" });
    await it.workers.fail(1, "for this test");

    const answers = await asked;
    assert.equal(answers.filter((answer) => answer !== undefined).length >= 2, true);
  });

  test("askOne() refuses what ended its worker", async () => {
    await using it = await serving(1);

    const asked = it.workers.askOne({ op: "stop", sandbox: "s", container: "none", graceMs: 0 });
    void it.workers.fail(0, "for this test");

    await assert.rejects(asked, { name: "RefusedError", code: "internal", message: /ended before it answered/ });
  });

  test("replaces a worker whose loop does not turn, but not because a check came late", async () => {
    const clock = new FakeClock();
    await using it = await serving(1, { clock });
    // Beats need real time, of which none goes by here: to this clock the loop stands still.
    await clock.advance(2000);
    await clock.advance(3000);
    assert.equal(await statusOf(`${it.url}/hello`), 200);

    await clock.advance(1500);

    assert.match((await it.replaced).reason, /its loop has not turned for 5000 ms/);
  });

  test("gives up when workers end again and again", async () => {
    // Delays are over at once, and nobody looks at beats.
    const clock: Clock = {
      ...systemClock,
      after: (delayMs, run) => systemClock.after(delayMs === BEAT_INTERVAL_MS ? 1_000_000 : 0, run),
    };
    const hopeless = Promise.withResolvers<Error>();
    let ends = 0;
    await using it = await serving(1, {
      clock,
      onHopeless: hopeless.resolve,
      onReplaced: () => {
        ends++;
        void it.workers.fail(0, "once more");
      },
    });

    void it.workers.fail(0, "for this test");

    assert.match((await hopeless.promise).message, /Workers ended 6 times in a row/);
    assert.equal(ends, 5);
  });
});
