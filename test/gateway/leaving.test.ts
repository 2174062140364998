// Clients that leave early: what was held for them is given back, else the thread's buffers would fill for ever.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { request } from "../../src/gateway/testing.ts";
import { printing, serve } from "./world.ts";

const MIB = 1024 * 1024;
/** Room for one large answer or body, not for two. */
const http = { maxBufferedBytes: 2 * MIB };
const LARGE = 1.5 * MIB;
const VISITS = 5;

/** Sends `bytes`, waits until `isReached` and leaves; resolves when both sides know. */
async function leave(port: number, bytes: string, isReached: () => boolean): Promise<void> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  await new Promise((resolve) => socket.write(bytes, resolve));
  while (!isReached()) await nextTurn();
  socket.resetAndDestroy();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Asks until the answer is not 503 any more: the server learns of a client that left some turns later. */
async function askUntilRoom(port: number, target: string, options: { method?: string; body?: string } = {}) {
  for (let tries = 1; ; tries++) {
    const answer = await request(port, target, options);
    if (answer.status !== 503 || tries === 200) return answer;
  }
}

test("an answer that its client does not wait for is given back", async () => {
  const module = printing(`status: 200\n\n${"x".repeat(LARGE)}`);
  await using world = await serve([{ route: "/", module }], { http });

  for (let visit = 1; visit <= VISITS; visit++) {
    const done = () => world.gateway.counts("c0").requests > 0 && world.engine.counts().runs === 0;
    await leave(world.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", done);
    const answer = await askUntilRoom(world.port, "/");
    assert.deepEqual([answer.status, answer.body.length], [200, LARGE], `after ${visit} visits`);
  }
});

test("a body that its client does not finish is given back", async () => {
  await using world = await serve([{ route: "/", module: "test/env" }], { http });

  for (let visit = 1; visit <= VISITS; visit++) {
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n`;
    await leave(world.port, head + "x".repeat(LARGE - 1), () => true);
    const answer = await askUntilRoom(world.port, "/", { method: "POST", body: "y".repeat(LARGE) });
    assert.equal(answer.status, 200, `after ${visit} visits`);
  }
});

test("a run whose client left while it waited ends, and the next is answered", async () => {
  const guestLimits = { concurrency: 1, queue: 0 };
  await using world = await serve([{ route: "/", module: "test/sleep", guestLimits }], { http });

  await leave(world.port, "GET /?50 HTTP/1.1\r\nHost: a\r\n\r\n", () => world.engine.counts().runs === 1);
  while (world.engine.counts().runs > 0) await nextTurn();

  assert.equal((await request(world.port, "/?0")).body, "slept\n");
});
