// Stopping and take-over as clients see it: with kept connections and new ones, under a loop of requests.
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { container, request } from "../../src/gateway/testing.ts";
import { printing, serve } from "./world.ts";

const CLIENTS = 8;

/** What clients saw in all: how often each status and body came, and what failed. */
interface Seen {
  readonly answers: Map<string, number>;
  readonly errors: string[];
}

/** Clients that ask one request after the other, half on kept connections and half on new ones, until `stop`. */
function clientLoop(port: number, target: string) {
  const seen: Seen = { answers: new Map(), errors: [] };
  const kept = new http.Agent({ keepAlive: true, maxSockets: CLIENTS / 2 });
  const fresh = new http.Agent({ keepAlive: false });
  const stopping = new AbortController();
  let answered = 0;
  let awaited: { readonly count: number; readonly resolve: () => void } | undefined;
  const loop = async (agent: http.Agent) => {
    while (!stopping.signal.aborted) {
      try {
        const answer = await get(port, target, agent);
        seen.answers.set(answer, (seen.answers.get(answer) ?? 0) + 1);
      } catch (error) {
        seen.errors.push(String(error));
      }
      answered++;
      if (awaited && answered >= awaited.count) awaited.resolve();
    }
  };
  const loops = Array.from({ length: CLIENTS }, (_, index) => loop(index % 2 === 0 ? kept : fresh));
  return {
    seen,
    /** Resolves when as many more requests have ended. */
    after(more: number): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited = { count: answered + more, resolve };
      return promise;
    },
    async stop() {
      stopping.abort();
      await Promise.all(loops);
      kept.destroy();
      fresh.destroy();
    },
  };
}

/** Status and body of one request; nothing is tried again. */
async function get(port: number, target: string, agent: http.Agent): Promise<string> {
  const [response] = (await once(http.get({ port, host: "127.0.0.1", path: target, agent }), "response")) as [
    http.IncomingMessage,
  ];
  let body = "";
  for await (const piece of response.setEncoding("utf8")) body += String(piece);
  return `${response.statusCode} ${body}`;
}

test("a listener that another sandbox takes over loses no request, on kept and on new connections", async () => {
  await using world = await serve([{ route: "/...", module: printing("status: 200\n\nold") }]);
  const { gateway } = world;
  const clients = clientLoop(world.port, "/x");
  await clients.after(100);
  gateway.declareRoutes("next", [{ route: "/...", container: "new" }]);
  gateway.serve("next", container("new", "/...", world.load(printing("status: 200\n\nnew"))));

  gateway.takeOver("pod", "next");
  await gateway.removeSandbox("pod", 2_000);
  const before = clients.seen.answers.get("200 new") ?? 0;
  await clients.after(100);
  await clients.stop();

  assert.deepEqual(clients.seen.errors, []);
  assert.deepEqual([...clients.seen.answers.keys()].toSorted(), ["200 new", "200 old"]);
  assert.ok((clients.seen.answers.get("200 new") ?? 0) > before);
});

test("stopContainer() answers all until it is stopped, then 503 with Retry-After, and says that it drained", async () => {
  await using world = await serve([{ route: "/...", module: printing("status: 200\n\nok") }]);
  const clients = clientLoop(world.port, "/x");
  await clients.after(100);

  const stopped = await world.gateway.stopContainer("pod", "c0", 1_000);
  await clients.after(20);
  await clients.stop();

  assert.deepEqual(stopped, { drained: true });
  assert.deepEqual(clients.seen.errors, []);
  assert.deepEqual([...clients.seen.answers.keys()].toSorted(), ["200 ok", "503 "]);
  assert.equal((await request(world.port, "/x")).headers["retry-after"], "1");
});

test("a container that is stopping asks for another connection with the next request", async () => {
  await using world = await serve([{ route: "/", module: "test/sleep" }]);
  const agent = new http.Agent({ keepAlive: true });
  const slow = http.get({ port: world.port, host: "127.0.0.1", path: "/?300", agent });
  const response = once(slow, "response") as Promise<[http.IncomingMessage]>;
  await underWay(world, 1);

  const stopped = world.gateway.stopContainer("pod", "c0", 5_000);
  const [answer] = await response;
  answer.resume();

  assert.deepEqual([answer.statusCode, answer.headers["connection"]], [200, "close"]);
  assert.deepEqual(await stopped, { drained: true });
  agent.destroy();
});

test("stopContainer() says that it did not drain when a run outlasts the grace period", async () => {
  await using world = await serve([{ route: "/", module: "test/sleep" }]);
  const cut = assert.rejects(request(world.port, "/?60000"), /No answer|ECONNRESET/);
  await underWay(world, 1);

  assert.deepEqual(await world.gateway.stopContainer("pod", "c0", 100), { drained: false });

  await world.gateway.removeSandbox("pod", 0);
  await cut;
});

test("removeSandbox() refuses connections after it and answers what came before", async () => {
  await using world = await serve([{ route: "/", module: "test/sleep" }]);
  const slow = request(world.port, "/?200");
  await underWay(world, 1);

  await world.gateway.removeSandbox("pod", 5_000);

  assert.equal((await slow).body, "slept\n");
  await assert.rejects(request(world.port, "/?1"), /ECONNREFUSED/);
});

test("removeSandbox() forgets the counts of containers that stopped before it", async () => {
  await using world = await serve([{ route: "/", module: "demo/hello" }]);
  await request(world.port, "/");
  await world.gateway.stopContainer("pod", "c0", 0);
  assert.deepEqual(world.gateway.counts("c0"), { requests: 1, failures: 0 });

  await world.gateway.removeSandbox("pod", 0);

  assert.deepEqual(world.gateway.counts("c0"), { requests: 0, failures: 0 });
});

/** Resolves when as many runs are under way in the engine. */
async function underWay(world: Awaited<ReturnType<typeof serve>>, runs: number): Promise<void> {
  while (world.engine.counts().runs < runs) await new Promise((resolve) => setImmediate(resolve));
}
