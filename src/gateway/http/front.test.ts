import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { emptyAnswer } from "./answer.ts";
import { createFront } from "./front.ts";
import { createNodeFront } from "./node-front.ts";
import { ok, RawClient, serveFront, statuses } from "./front-testing.ts";

const HOST = "Host: a.test\r\n";
const FRONTS = { createFront, createNodeFront };
/** A test that waits for bytes which never come fails, and does not hang. */
const TIMEOUT = { timeout: 20_000 };

for (const [name, create] of Object.entries(FRONTS)) {
  describe(name, () => {
    test("answers 408 to a body that does not come in time", TIMEOUT, async () => {
      await using served = await serveFront(create, { bodyTimeoutMs: 3000 });
      await using client = await RawClient.connect(served.port);

      client.send(`POST /a HTTP/1.1\r\n${HOST}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n`);
      await client.until("100 Continue");
      client.send("abc");
      await served.clock.advance(2500);
      assert.deepEqual(statuses(client.received), [100]);
      await served.clock.advance(1000);

      assert.deepEqual(statuses(await client.all()), [100, 408]);
      assert.deepEqual(served.log, []);
    });

    test("answers 503 to a connection too many, and closes it", TIMEOUT, async () => {
      await using served = await serveFront(create, { maxConnections: 1 });
      await using first = await RawClient.connect(served.port);
      first.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`);
      await first.until("/a");
      await using second = await RawClient.connect(served.port);
      second.send(`GET /b HTTP/1.1\r\n${HOST}\r\n`);

      const refused = await second.all();

      assert.deepEqual(statuses(refused), [503]);
      assert.match(refused, /retry-after: 1\r\n/i);
      first.send(`GET /c HTTP/1.1\r\n${HOST}\r\n`);
      await first.until("/c");
      assert.deepEqual(served.log, ["/a", "/c"]);
    });

    test("answers 503 while too many bytes are buffered, and again when they are gone", TIMEOUT, async () => {
      const run = Promise.withResolvers<void>();
      await using served = await serveFront(
        create,
        { maxBufferedBytes: 600 },
        { respond: (head) => (head.path === "/a" ? run.promise.then(() => ok("")) : ok("")) },
      );
      await using first = await RawClient.connect(served.port);
      first.send(`POST /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 600\r\n\r\n`);
      await first.until("100 Continue");
      first.send("x".repeat(600));
      await seen(served.log, "/a");
      await using second = await RawClient.connect(served.port);
      second.send(`GET /b HTTP/1.1\r\n${HOST}\r\n`);
      const refused = await second.all();
      run.resolve();
      await first.until("200 OK");
      await using third = await RawClient.connect(served.port);
      third.send(`GET /c HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      await third.all();

      assert.deepEqual([statuses(refused), statuses(third.received)], [[503], [200]]);
      assert.match(refused, /retry-after: 1\r\n/i);
    });

    test("answers another client before a pipelining one is done", TIMEOUT, async () => {
      const total = 40;
      let other: RawClient | undefined;
      await using served = await serveFront(
        create,
        { maxBatch: 2 },
        {
          respond(head) {
            if (head.path === "/0") other?.send(`GET /other HTTP/1.1\r\n${HOST}\r\n`);
            return ok("");
          },
        },
      );
      await using waiting = await RawClient.connect(served.port);
      waiting.send(`GET /warm HTTP/1.1\r\n${HOST}\r\n`);
      await waiting.until("200 OK");
      other = waiting;
      await using greedy = await RawClient.connect(served.port);
      const requests = Array.from({ length: total }, (_, index) => `GET /${index} HTTP/1.1\r\n${HOST}\r\n`);
      requests.push(`GET /end HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      greedy.send(requests.join(""));

      assert.equal(statuses(await greedy.all()).length, total + 1);
      const paths = served.log.filter((path) => path !== "/other" && path !== "/warm");
      assert.deepEqual(paths, [...Array.from({ length: total }, (_, index) => `/${index}`), "/end"]);
      if (create === createFront) assert.ok(served.log.indexOf("/other") < served.log.indexOf("/end"));
    });

    test("asks for a body only once its head is admitted", TIMEOUT, async () => {
      await using served = await serveFront(
        create,
        {},
        { admit: (head) => (head.path === "/no" ? emptyAnswer(404) : 10) },
      );
      const head = (path: string, length: number, expect = "100-continue") =>
        `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${length}\r\nExpect: ${expect}\r\n\r\n`;
      const answered = async (bytes: string) => {
        await using client = await RawClient.connect(served.port);
        client.send(bytes);
        return statuses(await client.all());
      };

      assert.deepEqual(
        [await answered(head("/no", 5)), await answered(head("/a", 11)), await answered(head("/a", 5, "magic"))],
        [[404], [413], [417]],
      );
      assert.deepEqual(served.log, []);
    });

    for (const [framing, body] of [
      ["Content-Length: 11", "x".repeat(11)],
      ["Transfer-Encoding: chunked", "6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n"],
    ]) {
      test(`answers 413 to a body too large by one byte, and closes (${framing})`, TIMEOUT, async () => {
        await using served = await serveFront(create, {}, { admit: () => 10 });
        await using client = await RawClient.connect(served.port);

        client.send(`POST /a HTTP/1.1\r\n${HOST}${framing}\r\n\r\n${body}GET /b HTTP/1.1\r\n${HOST}\r\n`);

        assert.deepEqual([statuses(await client.all()), served.log], [[413], []]);
        assert.equal(served.front.budget.usedBytes, 0);
      });
    }

    test("answers HEAD with the headers of GET and no body", TIMEOUT, async () => {
      await using served = await serveFront(create);
      const answer = async (method: string) => {
        await using client = await RawClient.connect(served.port);
        client.send(`${method} /a HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
        return await client.all();
      };

      const [head, get] = [await answer("HEAD"), await answer("GET")];

      assert.equal(`${head}/a `, get);
      assert.match(get, /content-length: 3\r\n/i);
    });

    for (const [version, connection, expected] of [
      ["HTTP/1.1", "", undefined],
      ["HTTP/1.1", "Connection: close\r\n", "close"],
      ["HTTP/1.0", "", "close"],
      ["HTTP/1.0", "Connection: keep-alive\r\n", "keep-alive"],
    ] as const) {
      test(
        `${expected === "close" ? "closes" : "keeps"} a connection of ${version} with "${connection.trim()}"`,
        TIMEOUT,
        async () => {
          await using served = await serveFront(create);
          await using client = await RawClient.connect(served.port);
          const request = (path: string) => `GET ${path} ${version}\r\n${HOST}${connection}\r\n`;

          client.send(request("/a"));
          await client.until("/a");
          const field = /connection: (.*)\r\n/i.exec(client.received)?.[1];
          if (expected === "close") await client.all();
          else client.send(request("/b"));
          if (expected !== "close") await client.until("/b");

          assert.equal(field, expected);
        },
      );
    }

    test("closes after an answer while its application drains", TIMEOUT, async () => {
      await using served = await serveFront(create);
      await using client = await RawClient.connect(served.port);
      served.application.isDraining = true;

      client.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`);

      assert.match(await client.all(), /200 OK[^]*connection: close\r\n/i);
    });

    for (const status of [204, 304]) {
      test(`sends neither body nor length with ${status}, and goes on`, TIMEOUT, async () => {
        const quiet = { status, headers: "x-a: b\r\n", body: Buffer.from("ignored") };
        await using served = await serveFront(create, {}, { respond: (head) => (head.path === "/q" ? quiet : ok("")) });
        await using client = await RawClient.connect(served.port);

        client.send(`GET /q HTTP/1.1\r\n${HOST}\r\n`);
        await client.until("\r\n\r\n");
        assert.doesNotMatch(client.received, /content-length|transfer-encoding|ignored/i);
        client.send(`GET /b HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);

        assert.deepEqual(statuses(await client.all()), [status, 200]);
      });
    }

    test("answers a client that has closed its sending side", TIMEOUT, async () => {
      const run = Promise.withResolvers<void>();
      await using served = await serveFront(create, {}, { respond: () => run.promise.then(() => ok("late")) });
      await using client = await RawClient.connect(served.port);

      client.socket.end(`GET /a HTTP/1.1\r\n${HOST}\r\n`);
      await seen(served.log, "/a");
      run.resolve();

      assert.match(await client.all(), /late$/);
      await client.closed();
    });

    test("bears a client that leaves before its answer, and gives back what it held", TIMEOUT, async () => {
      const run = Promise.withResolvers<void>();
      await using served = await serveFront(create, {}, { respond: () => run.promise.then(() => ok("late")) });
      const client = await RawClient.connect(served.port);
      client.send(`POST /a HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`);
      await seen(served.log, "/a");
      assert.ok(served.front.budget.usedBytes >= 5);

      client.socket.resetAndDestroy();
      await turnsUntil(() => served.listener.connectionCount === 0);
      assert.ok(served.front.budget.usedBytes >= 5);
      run.resolve();

      await turnsUntil(() => served.front.budget.usedBytes === 0);
    });

    test("close() ends idle connections at once and others when told", TIMEOUT, async () => {
      const run = Promise.withResolvers<void>();
      await using served = await serveFront(
        create,
        {},
        { respond: (head) => (head.path === "/a" ? ok("a") : run.promise.then(() => ok("b"))) },
      );
      await using fresh = await RawClient.connect(served.port);
      await using idle = await RawClient.connect(served.port);
      await using busy = await RawClient.connect(served.port);
      idle.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`);
      await idle.until("\r\n\r\na");
      busy.send(`GET /b HTTP/1.1\r\n${HOST}\r\n`);
      await seen(served.log, "/b");
      const cut = new AbortController();

      const closing = served.listener.close(cut.signal);
      await Promise.all([fresh.all(), idle.all()]);
      for (const client of [fresh, idle]) client.socket.end();
      assert.equal(busy.socket.readableEnded, false);
      cut.abort();

      await closing;
      assert.equal(await busy.all(), "");
      run.resolve();
    });
  });
}

describe("createFront", () => {
  test("answers 408 to a head that does not come in time", TIMEOUT, async () => {
    await using served = await serveFront(createFront, { headerTimeoutMs: 3000, lingerTimeoutMs: 1000 });
    await using client = await RawClient.connect(served.port);

    client.send(`GET /a HTTP/1.1\r\n${HOST}\r\nGET /b`);
    await client.until("/a");
    await served.clock.advance(2500);
    client.send(" HTTP/1.1\r\n");
    assert.deepEqual(statuses(client.received), [200]);
    await served.clock.advance(1000);

    assert.deepEqual(statuses(await client.all()), [200, 408]);
  });

  test("closes an idle connection without an answer", TIMEOUT, async () => {
    await using served = await serveFront(createFront, { idleTimeoutMs: 3000 });
    await using client = await RawClient.connect(served.port);
    client.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`);
    await client.until("/a");

    await served.clock.advance(2500);
    assert.equal(served.listener.connectionCount, 1);
    await served.clock.advance(500);

    assert.deepEqual(statuses(await client.all()), [200]);
  });

  test("reads on after its last answer, but not for ever", TIMEOUT, async () => {
    await using served = await serveFront(createFront, { lingerTimeoutMs: 2000 });
    await using client = await RawClient.connect(served.port);
    client.send(`GET /a HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    await client.all();
    client.send("x".repeat(100_000));

    await served.clock.advance(1500);
    assert.deepEqual([served.listener.connectionCount, client.isClosed], [1, false]);
    await served.clock.advance(500);
    await turnsUntil(() => served.listener.connectionCount === 0);
  });

  test("cuts a client that takes nothing of its answer", TIMEOUT, async () => {
    const size = 40 * 1024 * 1024;
    await using served = await serveFront(
      createFront,
      { writeTimeoutMs: 2000 },
      { respond: () => ok(Buffer.alloc(size)) },
    );
    await using client = await RawClient.connect(served.port);
    client.socket.pause();
    client.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`);
    await turnsUntil(() => served.log.length === 1);
    assert.ok(served.front.budget.usedBytes > 0);

    await served.clock.advance(60_000);

    await turnsUntil(() => served.listener.connectionCount === 0);
    assert.equal(served.front.budget.usedBytes, 0);
  });
});

/** Resolves when the application has been asked for `path`. */
async function seen(log: readonly string[], path: string): Promise<void> {
  await turnsUntil(() => log.includes(path));
}

/** Lets the event loop turn until something holds; the test's time-out ends what never does. */
async function turnsUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => void setImmediate(resolve));
}

test("the own front tells a client too many why, also when its request comes after the answer", TIMEOUT, async () => {
  await using served = await serveFront(createFront, { maxConnections: 1 });
  await using first = await RawClient.connect(served.port);
  first.send(`GET /a HTTP/1.1\r\n${HOST}\r\n`);
  await first.until("/a");
  await using second = await RawClient.connect(served.port);

  await second.until("503");
  second.send(`GET /b HTTP/1.1\r\n${HOST}\r\n`);

  assert.deepEqual(statuses(await second.all()), [503]);
});
