import assert from "node:assert/strict";
import { test } from "node:test";
import { AT, BUFFER, type GuestTexts, req, World, WRITTEN } from "./guest.ts";
import { httpServer, names } from "./server.ts";

const UPSTREAM = { resolve: names({ "up.test": ["127.0.0.1"] }), addresses: { allowed: ["127.0.0.1"] } };
const ALLOWED = ["http://up.test"];
const MEMORY_BYTES = 3 * 65_536;

test("a guest sends a request and reads status, headers and body of the answer", async () => {
  const seen: unknown[] = [];
  await using server = await httpServer((request, response, body) => {
    seen.push([request.method, request.url, request.headers, body.toString()]);
    response.writeHead(
      201,
      [
        ["Content-Type", "text/plain"],
        ["X-Two", "1"],
        ["x-two", "é"],
        ["Date", "today"],
      ].flat(),
    );
    response.end("hello");
  });
  await using world = new World(UPSTREAM);
  const url = `http://up.test:${server.port}/a%20b?q=1#part`;
  const texts = { url, method: "POST", headers: "X-A:1\nx-a: 2 \r\nAccept:text/plain", body: "abc", name: "X-TWO" };

  const run = await world.run(
    texts,
    [
      req(texts),
      ["header_get", 0, AT.name, texts.name.length, BUFFER, 65_536, WRITTEN],
      ["headers_get_all", 0, BUFFER + 10, 65_000, WRITTEN + 4],
      ["body_read", 0, BUFFER + 100_000, 3, WRITTEN + 8],
      ["body_read", 0, BUFFER + 100_003, 100, WRITTEN + 12],
      ["body_read", 0, BUFFER + 100_005, 100, WRITTEN + 16],
      ["close", 0],
      ["body_read", 0, BUFFER, 1, WRITTEN + 20],
    ],
    { allowedHosts: ALLOWED },
  );

  assert.deepEqual(run.outcome.kind, "exited");
  assert.deepEqual(run.codes, [0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual([run.status, run.handle], [201, 0]);
  assert.deepEqual(seen, [
    [
      "POST",
      "/a%20b?q=1",
      {
        host: `up.test:${server.port}`,
        "x-a": "2",
        accept: "text/plain",
        "user-agent": "wasipool",
        "content-length": "3",
        connection: "close",
      },
      "abc",
    ],
  ]);
  assert.equal(run.buffer, "1");
  const all = run.memory.toString("latin1", BUFFER + 10, BUFFER + 10 + run.memory.readUInt32LE(WRITTEN + 4));
  assert.equal(
    all,
    "content-type:text/plain\nx-two:1\nx-two:é\ndate:today\nconnection:close\ntransfer-encoding:chunked\n",
  );
  assert.equal(run.memory.toString("latin1", BUFFER + 100_000, BUFFER + 100_005), "hello");
  assert.deepEqual(
    [8, 12, 16].map((at) => run.memory.readUInt32LE(WRITTEN + at)),
    [3, 2, 0],
  );
  assert.equal(run.stderr, "");
});

interface Refused {
  readonly name: string;
  readonly texts?: GuestTexts;
  readonly change?: (call: number[]) => void;
  readonly allowedHosts?: readonly string[];
  readonly code: number;
  readonly why: RegExp;
}

const ARGUMENT = {
  url: 0,
  urlLength: 1,
  method: 2,
  methodLength: 3,
  headers: 4,
  headersLength: 5,
  body: 6,
  bodyLength: 7,
  statusOut: 8,
  handleOut: 9,
};
const outside = (argument: keyof typeof ARGUMENT, value: number) => (call: number[]) =>
  void (call[ARGUMENT[argument]] = value);

const REFUSED: readonly Refused[] = [
  {
    name: "no host is allowed",
    allowedHosts: [],
    code: 7,
    why: /the host up\.test is not in the module's allowed_hosts$/,
  },
  { name: "another host is allowed", allowedHosts: ["http://other.test"], code: 7, why: /allowed_hosts$/ },
  {
    name: "a sub-domain is not its domain",
    allowedHosts: ["http://test", "http://a.up.test"],
    code: 7,
    why: /allowed_hosts$/,
  },
  {
    name: "an entry is no URL",
    allowedHosts: ["http://up.test", "up.test"],
    code: 10,
    why: /the entry "up\.test" of allowed_hosts/,
  },
  { name: "an entry has no host", allowedHosts: ["insecure:allow-all", "data:x"], code: 10, why: /the entry "data:x"/ },
  { name: "the URL is none", texts: { url: "no url" }, code: 10, why: /its URL is not a URL$/ },
  { name: "the URL is relative", texts: { url: "/x" }, code: 10, why: /its URL is not a URL$/ },
  { name: "the scheme is not HTTP", texts: { url: "ftp://up.test/" }, code: 10, why: /neither http nor https$/ },
  { name: "the URL is a file's", texts: { url: "file:///etc/passwd" }, code: 10, why: /neither http nor https$/ },
  { name: "the URL is not UTF-8", texts: { url: Uint8Array.of(0x68, 0xff) }, code: 6, why: /its URL is not UTF-8$/ },
  {
    name: "the URL is too long",
    texts: { url: `http://up.test/${"a".repeat(8192)}` },
    code: 10,
    why: /longer than 8192 bytes$/,
  },
  { name: "the method is empty", texts: { method: "" }, code: 8, why: /the method "" is refused$/ },
  {
    name: "the method is no token",
    texts: { method: "GET / HTTP/1.1\r\nX: 1" },
    code: 8,
    why: /the method "GET .* is refused$/,
  },
  { name: "the method makes a tunnel", texts: { method: "CONNECT" }, code: 8, why: /the method "CONNECT" is refused$/ },
  { name: "the method is too long", texts: { method: "A".repeat(65) }, code: 8, why: /longer than 64 bytes$/ },
  { name: "the method is not UTF-8", texts: { method: Uint8Array.of(0xff) }, code: 6, why: /its method is not UTF-8$/ },
  {
    name: "a header line has no colon",
    texts: { headers: "a:1\nbroken" },
    code: 9,
    why: /a header line is not name:value$/,
  },
  { name: "a header has no name", texts: { headers: ":1" }, code: 9, why: /a header line is not name:value$/ },
  {
    name: "a header's name is no token",
    texts: { headers: "a b:1" },
    code: 9,
    why: /a header line is not name:value$/,
  },
  { name: "a header's value holds a carriage return", texts: { headers: "a:1\rb:2" }, code: 9, why: /not name:value$/ },
  { name: "a header's value holds a NUL", texts: { headers: "a:1\0" }, code: 9, why: /not name:value$/ },
  {
    name: "the header text is not UTF-8",
    texts: { headers: Uint8Array.of(0x61, 0x3a, 0xff) },
    code: 6,
    why: /header text is not UTF-8$/,
  },
  {
    name: "the header text is too long",
    texts: { headers: `a:${"b".repeat(16_384)}` },
    code: 9,
    why: /longer than 16384 bytes$/,
  },
  {
    name: "the URL starts outside the memory",
    change: outside("url", MEMORY_BYTES + 1),
    code: 4,
    why: /its URL is outside the memory$/,
  },
  {
    name: "the URL ends outside the memory",
    change: outside("urlLength", -1),
    code: 4,
    why: /its URL is outside the memory$/,
  },
  { name: "the method is outside the memory", change: outside("method", -1), code: 4, why: /its method is outside/ },
  {
    name: "the headers are outside the memory",
    change: outside("headersLength", 0x7fff_ffff),
    code: 4,
    why: /header text is outside/,
  },
  {
    name: "the body is outside the memory",
    change: outside("bodyLength", MEMORY_BYTES),
    code: 4,
    why: /its body is outside/,
  },
  {
    name: "the status does not fit",
    change: outside("statusOut", MEMORY_BYTES - 1),
    code: 3,
    why: /a result is outside the memory$/,
  },
  {
    name: "the handle does not fit",
    change: outside("handleOut", MEMORY_BYTES - 3),
    code: 3,
    why: /a result is outside the memory$/,
  },
  {
    name: "the handle is at the end of all",
    change: outside("handleOut", -1),
    code: 3,
    why: /a result is outside the memory$/,
  },
];

for (const { name, texts = {}, change, allowedHosts = ALLOWED, code, why } of REFUSED) {
  test(`req() answers ${code} and sends nothing when ${name}`, async () => {
    await using server = await httpServer((_request, response) => response.end());
    await using world = new World(UPSTREAM);
    const all = { url: `http://up.test:${server.port}/`, method: "GET", ...texts };
    const [, ...args] = req(all);
    change?.(args);

    const run = await world.run(all, [["req", ...args]], { allowedHosts });

    assert.deepEqual([run.outcome.kind, run.codes], ["exited", [code]]);
    assert.match(
      run.stderr,
      /^wasipool: (an outbound call|the outbound call to http:\/\/up\.test\S*) failed with code \d+: [^\n]+\n$/,
    );
    assert.match(run.stderr.trimEnd(), why);
    assert.equal(server.connections(), 0);
  });
}

for (const entry of ["http://up.test", "https://UP.test:444/path", "foo://up.test", "insecure:allow-all"]) {
  test(`req() may call a host that the entry ${entry} allows`, async () => {
    await using server = await httpServer((_request, response) => response.end());
    await using world = new World(UPSTREAM);
    const texts = { url: `http://up.test:${server.port}/`, method: "GET" };

    const run = await world.run(texts, [req(texts)], { allowedHosts: ["http://other.test", entry] });

    assert.deepEqual([run.codes, run.status, run.stderr], [[0], 200, ""]);
  });
}

test("functions that read answer 1 for a handle that is not open, and close() 0", async () => {
  await using world = new World(UPSTREAM);

  const run = await world.run({ name: "a" }, [
    ["header_get", 0, AT.name, 1, BUFFER, 10, WRITTEN],
    ["headers_get_all", -1, BUFFER, 10, WRITTEN],
    ["body_read", 7, BUFFER, 10, WRITTEN],
    ["close", 0],
  ]);

  assert.deepEqual(run.codes, [1, 1, 1, 0]);
});

test("functions that read answer 3 outside the memory, 4 for a small buffer, 5 for no such header, 6 for a bad name", async () => {
  await using server = await httpServer((_request, response) => response.setHeader("A", "12345").end("body"));
  await using world = new World(UPSTREAM);
  const texts = { url: `http://up.test:${server.port}/`, method: "GET", name: "ab" };
  const name = AT.name;

  const run = await world.run(
    texts,
    [
      req(texts),
      ["header_get", 0, name, 1, BUFFER, 4, WRITTEN],
      ["header_get", 0, name, 2, BUFFER, 100, WRITTEN],
      ["header_get", 0, name, 1, MEMORY_BYTES - 4, 100, WRITTEN],
      ["header_get", 0, name, 1, BUFFER, 100, -1],
      ["header_get", 0, -1, 100, BUFFER, 100, WRITTEN],
      ["header_get", 0, name, 65_537, BUFFER, 100, WRITTEN],
      ["headers_get_all", 0, BUFFER, 8, WRITTEN],
      ["headers_get_all", 0, -8, 65_536, WRITTEN],
      ["headers_get_all", 0, BUFFER, 65_536, MEMORY_BYTES - 3],
      ["body_read", 0, MEMORY_BYTES - 3, 4, WRITTEN],
      ["body_read", 0, BUFFER, 4, MEMORY_BYTES],
      ["body_read", 0, BUFFER, -1, WRITTEN],
    ],
    { allowedHosts: ALLOWED },
  );

  assert.deepEqual(run.codes, [0, 4, 5, 3, 3, 4, 5, 4, 3, 3, 3, 3, 0]);
  assert.equal(run.buffer, "body", "calls that failed read nothing of it");
});

test("a name of a header that is not UTF-8 is answered with 6", async () => {
  await using server = await httpServer((_request, response) => response.end());
  await using world = new World(UPSTREAM);
  const texts = { url: `http://up.test:${server.port}/`, method: "GET", body: Uint8Array.of(0xff) };

  const run = await world.run(texts, [req(texts), ["header_get", 0, AT.body, 1, BUFFER, 4, WRITTEN]], {
    allowedHosts: ALLOWED,
  });

  assert.deepEqual(run.codes, [0, 6]);
});

test("req() answers 13 when as many answers are open as the container allows, until one is closed", async () => {
  await using server = await httpServer((_request, response) => response.end());
  await using world = new World(UPSTREAM);
  const texts = { url: `http://up.test:${server.port}/`, method: "GET" };

  const run = await world.run(texts, [req(texts), req(texts), req(texts), ["close", 0], req(texts)], {
    allowedHosts: ALLOWED,
    maxOpenResponses: 2,
  });

  assert.deepEqual([run.codes, run.handle], [[0, 0, 13, 0, 0], 2]);
  assert.match(run.stderr, /^wasipool: an outbound call failed with code 13: 2 answers are open already\n$/);
});

test("a run holds at most 64 answers open where its container does not say", async () => {
  await using server = await httpServer((_request, response) => response.end());
  await using world = new World(UPSTREAM);
  const texts = { url: `http://up.test:${server.port}/`, method: "GET" };

  const run = await world.run(
    texts,
    Array.from({ length: 65 }, () => req(texts)),
    { allowedHosts: ALLOWED },
  );

  assert.deepEqual(run.codes, [...Array.from({ length: 64 }, () => 0), 13]);
});

test("a run that was given no state of its own may call nothing", async () => {
  await using world = new World(UPSTREAM);
  const texts = { url: "http://up.test/", method: "GET" };

  const run = await world.run(texts, [req(texts)], { isUnprepared: true });

  assert.deepEqual(run.codes, [7]);
});

test("every function that needs the guest's memory answers 2 when the module has none", async () => {
  await using world = new World(UPSTREAM);

  const run = await world.run(
    {},
    [
      ["req", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      ["header_get", 0, 0, 0, 0, 0, 0],
      ["headers_get_all", 0, 0, 0, 0],
      ["body_read", 0, 0, 0, 0],
      ["close", 0],
    ],
    { allowedHosts: ALLOWED, hasMemory: false },
  );

  assert.deepEqual(run.codes, [2, 2, 2, 2, 0]);
});
