import assert from "node:assert/strict";
import { test } from "node:test";
import { type Clock, FakeClock, silentLogger, systemClock } from "../base/index.ts";
import type { Guest } from "../engine/index.ts";
import { createGateway } from "./create-gateway.ts";
import { container, exchange, EXITED, fakeGuest, listeningSocket, request } from "./testing.ts";

/** Longer than a lame duck answers, shorter than the grace period of these tests. */
const LAME_DUCK_MS = 4_000;

test("createGateway() serves a container's route and answers what the module prints", async () => {
  const gateway = createGateway({ clock: systemClock, log: silentLogger });
  const { fd, port } = listeningSocket();
  gateway.declareRoutes("pod", [{ route: "/hello/...", container: "hello" }]);
  gateway.serve(
    "pod",
    container(
      "hello",
      "/hello/...",
      fakeGuest(() => "content-type:text/plain\n\nhello world\n"),
    ),
  );
  await gateway.listen("pod", fd);

  const answer = await request(port, "/hello");
  const { date, ...headers } = answer.headers;

  assert.deepEqual(
    [answer.status, headers, answer.body],
    [200, { "content-type": "text/plain", "content-length": "12", connection: "close" }, "hello world\n"],
  );
  assert.match(String(date), / GMT$/);
  assert.deepEqual(gateway.counts("hello"), { requests: 1, failures: 0 });
  await gateway.close();
});

for (const status of [204, 304]) {
  test(`createGateway() sends no body after ${status}, so that it cannot pass for the next answer`, async () => {
    const output = `status: ${status}\n\nHTTP/1.1 200 OK\r\n\r\n`;
    await using served = await serving(fakeGuest(() => output));

    const received = await exchange(served.port, "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

    assert.deepEqual(received.match(/HTTP\/1\.1 \d+/g), [`HTTP/1.1 ${status}`]);
  });
}

test("createGateway() lets a run finish on the sandbox whose listener was taken over", async () => {
  const run = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const clock = new FakeClock();
  await using served = await serving(
    fakeGuest(async (invocation) => {
      started.resolve();
      await run.promise;
      invocation.stdout.write(Buffer.from("status: 200\n\nold\n"));
      return EXITED;
    }),
    clock,
  );
  const { gateway, port } = served;
  gateway.declareRoutes("next", [{ route: "/...", container: "new" }]);
  gateway.serve(
    "next",
    container(
      "new",
      "/...",
      fakeGuest(() => "status: 200\n\nnew\n"),
    ),
  );
  const old = request(port, "/a");
  await started.promise;

  gateway.takeOver("pod", "next");
  let isRemoved = false;
  const removed = gateway.removeSandbox("pod", 10_000).then(() => (isRemoved = true));
  const answer = await request(port, "/a");
  await clock.advance(LAME_DUCK_MS);
  assert.deepEqual([answer.body, isRemoved], ["new\n", false]);

  run.resolve();
  assert.equal((await old).body, "old\n");
  await clock.advance(LAME_DUCK_MS);
  await removed;
});

/** A gateway with one container at `/...`. */
async function serving(guest: Guest, clock: Clock = systemClock) {
  const gateway = createGateway({ clock, log: silentLogger });
  const { fd, port } = listeningSocket();
  gateway.declareRoutes("pod", [{ route: "/...", container: "guest" }]);
  gateway.serve("pod", container("guest", "/...", guest));
  await gateway.listen("pod", fd);
  return { gateway, port, [Symbol.asyncDispose]: () => gateway.close() };
}
