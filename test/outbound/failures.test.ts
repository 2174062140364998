import assert from "node:assert/strict";
import type net from "node:net";
import { test } from "node:test";
import { FakeClock } from "../../src/base/index.ts";
import { BUFFER, req, World, WRITTEN } from "./guest.ts";
import { selfSigned } from "./certificate.ts";
import { httpServer, httpsServer, names, rawServer } from "./server.ts";

const WORLD = { resolve: names({ "up.test": ["127.0.0.1"] }), addresses: { allowed: ["127.0.0.1"] } };
const ALLOWED = { allowedHosts: ["http://up.test"] };

function get(port: number, path = "/", scheme = "http") {
  return { url: `${scheme}://up.test:${port}${path}`, method: "GET" };
}

/** A server that answers every request with these bytes, then ends the connection unless told to keep it. */
function answering(bytes: string | Buffer, keep = false) {
  return rawServer((socket) => {
    socket.once("data", () => (keep ? socket.write(bytes) : socket.end(bytes)));
  });
}

test("req() answers 11 when nobody listens", async () => {
  const server = await httpServer((_request, response) => response.end());
  const texts = get(server.port);
  await server[Symbol.asyncDispose]();
  await using world = new World(WORLD);

  const run = await world.run(texts, [req(texts)], ALLOWED);

  assert.deepEqual(run.codes, [11]);
  assert.match(run.stderr, /code 11: connect ECONNREFUSED 127\.0\.0\.1:\d+\n$/);
});

const BAD_ANSWERS: readonly (readonly [name: string, bytes: string, keep?: boolean])[] = [
  ["nothing", ""],
  ["what is not HTTP", "SSH-2.0-OpenSSH\r\n"],
  ["half a head", "HTTP/1.1 200 OK\r\ncontent-"],
  ["less than it announced", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"],
  ["an unfinished chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhal"],
  ["a bad chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
  ["a length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a header with a NUL", "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n"],
  ["a protocol nobody asked for", "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", true],
  ["too many headers", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(16_400)}\r\n`],
  ["too long a header", `HTTP/1.1 200 OK\r\na: ${"b".repeat(70_000)}\r\n\r\n`],
  ["too long trailers", `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: ${"b".repeat(70_000)}\r\n\r\n`],
];

for (const [name, bytes, keep] of BAD_ANSWERS) {
  test(`req() answers 11 when the server sends ${name}`, async () => {
    await using server = await answering(bytes, keep);
    await using world = new World(WORLD);
    const texts = get(server.port);

    const run = await world.run(texts, [req(texts), ["body_read", 0, BUFFER, 1, WRITTEN]], ALLOWED);

    assert.deepEqual([run.outcome.kind, run.codes], ["exited", [11, 1]]);
    assert.match(run.stderr, /^wasipool: the outbound call to \S+ failed with code 11: [^\n]+\n$/);
  });
}

test("a guest gets answers without a length, of other versions, and all of 60 KiB of headers", async () => {
  const headers = "a: b\r\n".repeat(10_000);
  await using plain = await answering("HTTP/1.0 200 OK\r\n\r\nuntil the end");
  await using large = await answering(`HTTP/1.1 200 OK\r\n${headers}content-length: 0\r\n\r\n`);
  await using early = await answering(
    "HTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  );
  await using world = new World(WORLD);
  const read = ["body_read", 0, BUFFER, 100, WRITTEN] as const;
  const [first, second, third] = [get(plain.port), get(large.port), get(early.port)];

  const runs = [
    await world.run(first, [req(first), read], ALLOWED),
    await world.run(second, [req(second), ["headers_get_all", 0, BUFFER, 65_536, WRITTEN]], ALLOWED),
    await world.run(third, [req(third), read], ALLOWED),
  ];

  assert.deepEqual(
    runs.map(({ codes, status }) => [codes, status]),
    [
      [[0, 0], 200],
      [[0, 0], 200],
      [[0, 0], 200],
    ],
  );
  assert.deepEqual([runs[0]?.buffer, runs[2]?.buffer], ["until the end", "ok"]);
  assert.equal(runs[1]?.buffer, `${"a:b\n".repeat(10_000)}content-length:0\n`);
});

test("methods are sent as the guest wrote them", async () => {
  const requests: string[] = [];
  await using server = await rawServer((socket) => {
    socket.once("data", (bytes: Buffer) => {
      requests.push(bytes.toString("latin1"));
      socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    });
  });
  await using world = new World(WORLD);
  const texts = { ...get(server.port, "/x?y"), method: "pUrge" };

  const run = await world.run(texts, [req(texts)], ALLOWED);

  assert.deepEqual([run.codes, run.status], [[0], 204]);
  assert.deepEqual(requests, [
    `pUrge /x?y HTTP/1.1\r\nhost: up.test:${server.port}\r\naccept: */*\r\nuser-agent: wasipool\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`,
  ]);
});

test("headers that frame a message or belong to a connection are ours: a guest's are not sent", async () => {
  const requests: string[] = [];
  await using server = await rawServer((socket) => {
    socket.once("data", (bytes: Buffer) => {
      requests.push(bytes.toString("utf8"));
      socket.end("HTTP/1.1 204 No Content\r\n\r\n");
    });
  });
  await using world = new World(WORLD);
  const headers = [
    "Host: evil.test",
    "Content-Length: 99",
    "Transfer-Encoding: chunked",
    "Connection: X-Private, keep-alive",
    "X-Private: 1",
    "Keep-Alive: timeout=9",
    "Upgrade: websocket",
    "TE: trailers",
    "Trailer: x",
    "Expect: 100-continue",
    "Proxy-Authorization: Basic eA==",
    "Proxy-Connection: keep-alive",
    "X-Kept: é",
  ].join("\n");
  const texts = { ...get(server.port), method: "POST", headers, body: "abc" };

  const run = await world.run(texts, [req(texts)], ALLOWED);

  assert.deepEqual(run.codes, [0]);
  assert.deepEqual(requests, [
    `POST / HTTP/1.1\r\nx-kept: é\r\nhost: up.test:${server.port}\r\naccept: */*\r\nuser-agent: wasipool\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc`,
  ]);
});

test("a guest's call never uses a connection again", async () => {
  await using server = await httpServer((_request, response) =>
    response.setHeader("connection", "keep-alive").end("x"),
  );
  await using world = new World(WORLD);
  const texts = get(server.port);

  const run = await world.run(texts, [req(texts), req(texts)], ALLOWED);

  assert.deepEqual([run.codes, server.connections()], [[0, 0], 2]);
});

test("TLS servers are called when their authority is known and their name is right; else req() answers 11", async () => {
  const right = selfSigned("up.test");
  const wrong = selfSigned("other.test");
  await using server = await httpsServer((_request, response) => response.end("secret"), right);
  await using misnamed = await httpsServer((_request, response) => response.end("secret"), wrong);
  await using trusting = new World({ ...WORLD, certificateAuthorities: [right.cert, wrong.cert] });
  await using plain = new World(WORLD);
  const texts = get(server.port, "/", "https");
  const misnamedTexts = get(misnamed.port, "/", "https");

  const runs = [
    await trusting.run(texts, [req(texts), ["body_read", 0, BUFFER, 100, WRITTEN]], ALLOWED),
    await plain.run(texts, [req(texts)], ALLOWED),
    await trusting.run(misnamedTexts, [req(misnamedTexts)], ALLOWED),
  ];

  assert.deepEqual(
    runs.map(({ codes }) => codes),
    [[0, 0], [11], [11]],
  );
  assert.equal(runs[0]?.buffer, "secret");
  assert.match(runs[1]?.stderr ?? "", /code 11: self-signed certificate\n$/);
  assert.match(runs[2]?.stderr ?? "", /code 11: Hostname\/IP does not match/);
});

test("req() answers 11 when a server does not speak TLS", async () => {
  await using server = await answering("HTTP/1.1 400 Bad Request\r\n\r\n");
  await using world = new World(WORLD);
  const texts = get(server.port, "/", "https");

  const run = await world.run(texts, [req(texts)], ALLOWED);

  assert.deepEqual(run.codes, [11]);
});

test("req() answers 11 when a name is not resolved, or TLS not begun, within 5 seconds", async () => {
  const clock = new FakeClock();
  await using server = await rawServer(() => clock.advance(5_000));
  const hanging = () => {
    queueMicrotask(() => void clock.advance(5_000));
    return new Promise<never>(() => {});
  };
  await using unresolved = new World({ ...WORLD, clock, resolve: hanging });
  await using mute = new World({ ...WORLD, clock });
  const texts = get(server.port, "/", "https");

  const runs = [await unresolved.run(texts, [req(texts)], ALLOWED), await mute.run(texts, [req(texts)], ALLOWED)];

  assert.deepEqual(
    runs.map(({ codes }) => codes),
    [[11], [11]],
  );
  for (const { stderr } of runs) assert.match(stderr, /code 11: no connection within 5000 ms\n$/);
});

for (const [name, first] of [
  ["answers nothing", ""],
  ["sends half of its head", "HTTP/1.1 200 OK\r\n"],
  ["sends half of its body", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"],
] as const) {
  test(`req() answers 11 when a server ${name} within 30 seconds, and hangs up`, async () => {
    const clock = new FakeClock();
    const closed = Promise.withResolvers<void>();
    await using server = await rawServer((socket) => {
      socket.on("close", () => closed.resolve());
      socket.once("data", () => socket.write(first, () => void clock.advance(30_000)));
    });
    await using world = new World({ ...WORLD, clock });
    const texts = get(server.port);

    const run = await world.run(texts, [req(texts)], ALLOWED);
    await closed.promise;

    assert.deepEqual(run.codes, [11]);
    assert.match(run.stderr, /code 11: no answer within 30000 ms\n$/);
    assert.equal(clock.nextTimerMs, undefined);
  });
}

test("a run that ends gives its call up: the server sees the connection close, and nothing reaches the guest", async () => {
  const closed = Promise.withResolvers<void>();
  const world = new World(WORLD);
  await using server = await rawServer((socket) => {
    socket.on("close", () => closed.resolve());
    socket.once("data", () => void world[Symbol.asyncDispose]());
  });
  const texts = get(server.port);

  const run = await world.run(texts, [req(texts)], ALLOWED);
  await closed.promise;

  assert.equal(run.outcome.kind === "stopped" && run.outcome.reason, "closed");
  assert.equal(run.stderr, "");
});

test("a run's deadline ends its call", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await rawServer((socket) => socket.on("close", () => closed.resolve()));
  await using world = new World(WORLD);
  const texts = get(server.port);

  const run = await world.run(texts, [req(texts)], { ...ALLOWED, deadlineMs: 100 });
  if (server.connections() > 0) await closed.promise;

  assert.equal(run.outcome.kind === "stopped" && run.outcome.reason, "deadline");
  assert.equal(run.stderr, "");
});

test("req() answers 11 when the answer's body is larger than 10 MiB, and reads no more of it", async () => {
  const block = Buffer.alloc(256 * 1024);
  let sent = 0;
  const closed = Promise.withResolvers<void>();
  await using server = await rawServer((socket) => {
    socket.on("close", () => closed.resolve());
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      endless(socket, block, (bytes) => (sent += bytes));
    });
  });
  await using world = new World(WORLD);
  const texts = get(server.port);

  const run = await world.run(texts, [req(texts)], ALLOWED);
  await closed.promise;

  assert.deepEqual(run.codes, [11]);
  assert.match(run.stderr, /code 11: the answer's body exceeds 10485760 bytes\n$/);
  assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were sent`);
});

function endless(socket: net.Socket, block: Buffer, onSent: (bytes: number) => void): void {
  socket.write(block, (error) => {
    if (error) return;
    onSent(block.length);
    endless(socket, block, onSent);
  });
}

test("limits can be set: bodies of calls and answers, redirects", async () => {
  await using server = await httpServer((request, response) => {
    if (request.url === "/r") response.writeHead(302, { location: "/" });
    response.end("12345");
  });
  const limits = { maxRequestBytes: 3, maxResponseBytes: 5, maxRedirects: 0 };
  await using world = new World({ ...WORLD, limits });
  await using tighter = new World({ ...WORLD, limits: { maxResponseBytes: 4 } });
  const posted = { ...get(server.port), method: "POST", body: "abcd" };
  const [plain, redirected] = [get(server.port), get(server.port, "/r")];

  const runs = [
    await world.run(plain, [req(plain)], ALLOWED),
    await world.run(posted, [req(posted)], ALLOWED),
    await world.run(redirected, [req(redirected)], ALLOWED),
    await tighter.run(plain, [req(plain)], ALLOWED),
  ];

  assert.deepEqual(
    runs.map(({ codes }) => codes),
    [[0], [11], [11], [11]],
  );
  assert.match(runs[1]?.stderr ?? "", /code 11: its body is longer than 3 bytes\n$/);
});

test("req() answers 12 when the thread holds too many bytes of calls; closed answers count no more", async () => {
  await using server = await httpServer((_request, response) => response.end("12345"));
  await using world = new World({ ...WORLD, limits: { maxBufferedBytes: 12 } });
  const texts = get(server.port);
  const posted = { ...texts, method: "POST", body: "1234567890123" };

  const first = await world.run(texts, [req(texts), req(texts), req(texts), ["close", 0], req(texts)], ALLOWED);
  const second = await world.run(texts, [req(texts), req(texts)], ALLOWED);
  const third = await world.run(posted, [req(posted)], ALLOWED);

  assert.deepEqual([first.codes, second.codes, third.codes], [[0, 0, 12, 0, 0], [0, 0], [12]]);
  assert.match(first.stderr, /code 12: too many bytes of calls are held on this node\n$/);
});

test("req() answers 13 when as many calls are under way on the thread as may be", async () => {
  const waiting: (() => void)[] = [];
  const arrived = Promise.withResolvers<void>();
  await using server = await httpServer((_request, response) => {
    waiting.push(() => response.end());
    arrived.resolve();
  });
  await using world = new World({ ...WORLD, limits: { maxCalls: 1 } });
  const texts = get(server.port);

  const first = world.run(texts, [req(texts)], ALLOWED);
  await arrived.promise;
  const second = await world.run(texts, [req(texts)], ALLOWED);
  for (const answer of waiting) answer();

  assert.deepEqual([(await first).codes, second.codes], [[0], [13]]);
  assert.match(second.stderr, /code 13: 1 calls are under way on this thread already\n$/);
});

test("guests of one thread call at the same time", async () => {
  const waiting: (() => void)[] = [];
  await using server = await httpServer((_request, response) => {
    waiting.push(() => response.end());
    // Answers only when both are there.
    if (waiting.length === 2) for (const answer of waiting) answer();
  });
  await using world = new World(WORLD);
  const texts = get(server.port);

  const runs = await Promise.all([world.run(texts, [req(texts)], ALLOWED), world.run(texts, [req(texts)], ALLOWED)]);

  assert.deepEqual(
    runs.map(({ codes }) => codes),
    [[0], [0]],
  );
});

test("an answer to HEAD, and one of 204, has no body", async () => {
  await using server = await httpServer((request, response) => {
    if (request.method === "HEAD") response.writeHead(200, { "content-length": "5" }).end();
    else response.writeHead(204).end();
  });
  await using world = new World(WORLD);
  const head = { ...get(server.port), method: "HEAD" };
  const plain = get(server.port);
  const read = ["body_read", 0, BUFFER, 100, WRITTEN] as const;

  const runs = [await world.run(head, [req(head), read], ALLOWED), await world.run(plain, [req(plain), read], ALLOWED)];

  assert.deepEqual(
    runs.map(({ codes, status, written }) => [codes, status, written]),
    [
      [[0, 0], 200, 0],
      [[0, 0], 204, 0],
    ],
  );
});
