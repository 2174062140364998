// What a module prints and what its client gets (spec/wagi.md §5.3 with its decisions), over real HTTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange, request } from "../../src/gateway/testing.ts";
import { printing, serve } from "./world.ts";

/** Status, the header lines that are not the front's own, and the body. */
interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

const CASES: readonly [title: string, output: string, seen: Seen][] = [
  ["a location alone redirects", "location: /x\n\n", { status: 302, headers: { location: "/x" }, body: "" }],
  [
    "a status before a location wins",
    "status: 301 Moved\nlocation: /x\n\n",
    { status: 301, headers: { location: "/x" }, body: "" },
  ],
  [
    "a status after a location wins",
    "location: /x\nstatus: 201\n\nmade",
    { status: 201, headers: { location: "/x" }, body: "made" },
  ],
  ["a status alone suffices", "Status: 418 Teapot\n\nshort", { status: 418, headers: {}, body: "short" }],
  [
    "several Set-Cookie lines are all sent",
    "content-type: a/b\nSet-Cookie: a=1\nset-cookie: b=2\n\n",
    { status: 200, headers: { "content-type": "a/b", "set-cookie": ["a=1", "b=2"] }, body: "" },
  ],
  [
    "the last Content-Type is sent",
    "content-type: a/b\nContent-Type: c/d\n\n",
    { status: 200, headers: { "content-type": "c/d" }, body: "" },
  ],
  [
    "header lines may end with CRLF, and the body stays as it is",
    "Content-Type: a/b\r\nX-A: 1\r\n\r\nbody\r\n",
    { status: 200, headers: { "content-type": "a/b", "x-a": "1" }, body: "body\r\n" },
  ],
  [
    "names and values are trimmed, values may hold colons",
    " Content-Type :  a/b \nX-Url: http://a:1/\n\nx",
    { status: 200, headers: { "content-type": "a/b", "x-url": "http://a:1/" }, body: "x" },
  ],
  [
    "a line without a colon is dropped",
    "content-type: a/b\nnonsense\nx y: 1\n\nx",
    { status: 200, headers: { "content-type": "a/b" }, body: "x" },
  ],
  [
    "headers about the connection and its framing are ours",
    "content-type: a/b\nContent-Length: 999\nTransfer-Encoding: chunked\nConnection: upgrade\nUpgrade: x\n\nbody",
    { status: 200, headers: { "content-type": "a/b" }, body: "body" },
  ],
  [
    "an empty body is an empty body",
    "content-type: a/b\n\n",
    { status: 200, headers: { "content-type": "a/b" }, body: "" },
  ],
  ["a second blank line is body", "status: 200\n\n\nx\n\ny", { status: 200, headers: {}, body: "\nx\n\ny" }],
];

for (const [title, output, seen] of CASES) {
  test(title, async () => {
    await using world = await serve([{ route: "/", module: printing(output) }]);

    const { status, headers: all, body } = await request(world.port, "/");
    const { date, connection, "content-length": length, ...headers } = all;

    assert.deepEqual({ status, headers, body }, seen);
    assert.deepEqual([typeof date, connection, Number(length)], ["string", "close", Buffer.byteLength(seen.body)]);
  });
}

test("HEAD gets the headers of GET and no body", async () => {
  await using world = await serve([{ route: "/", module: "demo/hello" }]);

  const received = await exchange(world.port, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

  assert.match(received, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*content-length: 12\r\n(?:.*\r\n)*\r\n$/);
});

test("a body of all bytes and several MiB comes back as it was sent, by length and in chunks", async () => {
  const bytes = Buffer.alloc(3 * 1024 * 1024 + 7, Buffer.from(Array.from({ length: 251 }, (_, index) => index + 5)));
  await using world = await serve([{ route: "/", module: "test/echo" }]);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
  const chunk = (piece: Buffer) => Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]);
  const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 1_000_000), bytes.subarray(1_000_000), Buffer.alloc(0)];
  const requests = [
    Buffer.concat([Buffer.from(`${head}Content-Length: ${bytes.length}\r\n\r\n`), bytes]),
    Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`), ...pieces.map((piece) => chunk(piece))]),
  ];

  for (const sent of requests) {
    const received = Buffer.from(await exchange(world.port, sent), "latin1");
    const body = received.subarray(received.indexOf("\r\n\r\n") + 4);
    assert.ok(body.equals(bytes), `${body.length} bytes, not the ${bytes.length} that were sent`);
  }
});

const CRLF = Buffer.from("\r\n");
