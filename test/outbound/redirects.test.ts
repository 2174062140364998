import assert from "node:assert/strict";
import { test } from "node:test";
import { type GuestTexts, req, World } from "./guest.ts";
import { httpServer, names } from "./server.ts";

const WORLD = {
  resolve: names({ "up.test": ["127.0.0.1"], "other.test": ["127.0.0.1"], "inner.test": ["127.0.0.9"] }),
  addresses: { allowed: ["127.0.0.1"] },
};
const BOTH = { allowedHosts: ["http://up.test", "http://other.test"] };

interface Followed {
  readonly status: number;
  readonly method: string;
  readonly next: readonly [method: string, body: string, type: string | undefined];
}

const FOLLOWED: readonly Followed[] = [
  { status: 301, method: "POST", next: ["GET", "", undefined] },
  { status: 302, method: "POST", next: ["GET", "", undefined] },
  { status: 303, method: "PUT", next: ["GET", "", undefined] },
  { status: 303, method: "HEAD", next: ["HEAD", "", "text/x"] },
  { status: 301, method: "GET", next: ["GET", "", "text/x"] },
  { status: 307, method: "POST", next: ["POST", "abc", "text/x"] },
  { status: 308, method: "PATCH", next: ["PATCH", "abc", "text/x"] },
];

for (const { status, method, next } of FOLLOWED) {
  test(`req() follows ${status} after ${method} with ${next[0]}`, async () => {
    const seen: unknown[] = [];
    await using server = await httpServer((request, response, body) => {
      if (request.url === "/old") return response.writeHead(status, { location: "new?a=b" }).end("moved");
      seen.push([request.url, request.method, body.toString(), request.headers["content-type"]]);
      return response.end("there");
    });
    await using world = new World(WORLD);
    const body = method === "GET" || method === "HEAD" ? "" : "abc";
    const texts = { url: `http://up.test:${server.port}/old`, method, headers: "content-type:text/x", body };

    const run = await world.run(texts, [req(texts)], BOTH);

    assert.deepEqual([run.codes, run.status, run.stderr], [[0], 200, ""]);
    assert.deepEqual(seen, [["/new?a=b", ...next]]);
  });
}

test("req() gives the guest a redirect that names no place, and other answers of 300 to 399", async () => {
  await using server = await httpServer((request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status, status === 302 ? {} : { location: "/elsewhere" }).end();
  });
  await using world = new World(WORLD);
  const statuses = [];
  for (const status of [300, 302, 304, 305]) {
    const texts: GuestTexts = { url: `http://up.test:${server.port}/${status}`, method: "GET" };
    statuses.push((await world.run(texts, [req(texts)], BOTH)).status);
  }

  assert.deepEqual(statuses, [300, 302, 304, 305]);
});

interface Forbidden {
  readonly name: string;
  readonly location: (port: number) => string;
  readonly code: number;
  readonly why: RegExp;
}

const FORBIDDEN: readonly Forbidden[] = [
  {
    name: "a host that is not allowed",
    location: (port) => `http://evil.test:${port}/`,
    code: 7,
    why: /the host evil\.test is not in the module's allowed_hosts\n$/,
  },
  {
    name: "an allowed host whose address is refused",
    location: (port) => `http://inner.test:${port}/`,
    code: 7,
    why: /the address 127\.0\.0\.9 of inner\.test is refused: loopback\n$/,
  },
  {
    name: "a metadata service",
    location: () => "http://169.254.169.254/latest",
    code: 7,
    why: /the host 169\.254\.169\.254 is not in the module's allowed_hosts\n$/,
  },
  {
    name: "an allowed host without a scheme, written as another host",
    location: (port) => `//evil.test:${port}/up.test`,
    code: 7,
    why: /the host evil\.test is not/,
  },
  { name: "a file", location: () => "file:///etc/passwd", code: 10, why: /a redirect is neither http nor https\n$/ },
  { name: "what is no URL", location: () => "http://[", code: 10, why: /the URL of a redirect is not a URL\n$/ },
  { name: "a URL that is too long", location: () => `/${"a".repeat(9000)}`, code: 10, why: /URL is too long\n$/ },
];

for (const { name, location, code, why } of FORBIDDEN) {
  test(`req() answers ${code} for a redirect to ${name}`, async () => {
    await using server = await httpServer((_request, response) =>
      response.writeHead(302, { location: location(server.port) }).end(),
    );
    await using world = new World(WORLD);
    const texts = { url: `http://up.test:${server.port}/`, method: "GET" };
    const allowedHosts = [...BOTH.allowedHosts, "http://inner.test"];

    const run = await world.run(texts, [req(texts)], { allowedHosts });

    assert.deepEqual([run.codes, server.connections()], [[code], 1]);
    assert.match(run.stderr, why);
  });
}

test("req() follows 10 redirects and answers 11 for one more", async () => {
  await using server = await httpServer((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) response.end();
    else response.writeHead(302, { location: `/${left - 1}` }).end("on");
  });
  await using world = new World(WORLD);
  const ten = { url: `http://up.test:${server.port}/10`, method: "GET" };
  const eleven = { url: `http://up.test:${server.port}/11`, method: "GET" };

  const runs = [await world.run(ten, [req(ten)], BOTH), await world.run(eleven, [req(eleven)], BOTH)];

  assert.deepEqual(
    runs.map(({ codes }) => codes),
    [[0], [11]],
  );
  assert.match(runs[1]?.stderr ?? "", /code 11: more than 10 redirects\n$/);
});

test("req() does not carry credentials to another origin, and carries them within one", async () => {
  const seen: unknown[] = [];
  await using server = await httpServer((request, response) => {
    const { authorization, cookie, "x-a": plain } = request.headers;
    seen.push([request.headers.host?.split(":")[0], authorization, cookie, plain]);
    if (request.url === "/1") response.writeHead(307, { location: "/2" }).end();
    else if (request.url === "/2") response.writeHead(307, { location: `http://other.test:${server.port}/3` }).end();
    else response.end();
  });
  await using world = new World(WORLD);
  const url = `http://me:p%40ss@up.test:${server.port}/1`;
  const texts = { url, method: "GET", headers: "Cookie:a=b\nX-A:1" };

  const run = await world.run(texts, [req(texts)], BOTH);

  const basic = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  assert.deepEqual(run.codes, [0]);
  assert.deepEqual(seen, [
    ["up.test", basic, "a=b", "1"],
    ["up.test", basic, "a=b", "1"],
    ["other.test", undefined, undefined, "1"],
  ]);
});

test("what the log says of a call holds neither its credentials nor its query", async () => {
  await using world = new World(WORLD);
  const texts = { url: "http://user:secret1@inner.test/path?token=secret2#secret3", method: "GET" };

  const run = await world.run(texts, [req(texts)], { allowedHosts: ["http://inner.test"] });

  assert.match(run.stderr, /^wasipool: the outbound call to http:\/\/inner\.test\/path failed with code 7: /);
  assert.doesNotMatch(run.stderr, /secret|user/);
});
