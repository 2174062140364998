import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseChallenge } from "./challenge.ts";
import { checkFollowUp, endpointOf, isLoopback } from "./endpoint.ts";
import { failing } from "../testing/failing.ts";
import { resolveLocation } from "./registry-session.ts";
import { parseRetryAfter } from "./retry.ts";

const CHALLENGES: readonly (readonly [string | undefined, ReturnType<typeof parseChallenge>])[] = [
  [undefined, undefined],
  ["", undefined],
  ["Negotiate", undefined],
  ['Basic realm="x"', { scheme: "basic" }],
  ["basic", { scheme: "basic" }],
  ["Bearer", undefined],
  ['Bearer service="s"', undefined],
  [
    'Bearer realm="https://auth.x/token",service="h.x",scope="repository:a/b:pull,push"',
    { scheme: "bearer", realm: "https://auth.x/token", service: "h.x", scope: "repository:a/b:pull,push" },
  ],
  ["bearer Realm=https://auth.x , Service = s", { scheme: "bearer", realm: "https://auth.x", service: "s" }],
  ['Basic realm="x", Bearer realm="https://a.x"', { scheme: "bearer", realm: "https://a.x" }],
  ['Bearer realm="a\\"b"', { scheme: "bearer", realm: 'a"b' }],
  ['Bearer realm="first",realm="second"', { scheme: "bearer", realm: "first" }],
  [`Bearer realm="${"a".repeat(9000)}"`, undefined],
];
for (const [header, expected] of CHALLENGES) {
  test(`parseChallenge() of ${String(header).slice(0, 60)}`, () => {
    assert.deepEqual(parseChallenge(header), expected);
  });
}

test("parseChallenge() answers quickly, whatever it is given", () => {
  const pieces = fc.constantFrom("Bearer ", "basic", 'realm="', '"', "\\", ",", "=", " ", "a", "scope");
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 3000 }), (parts) => {
      const started = performance.now();
      parseChallenge(parts.join("").slice(0, 8192));
      assert.ok(performance.now() - started < 500);
    }),
  );
});

test("endpointOf() says how safely a registry has to be reached", () => {
  const insecure = new Set(["old.x:5000"]);
  const transports = [
    "ghcr.io",
    "localhost:5000",
    "127.8.9.1",
    "[::1]:1",
    "old.x:5000",
    "old.x",
    "127.example.com",
  ].map((registry) => endpointOf(registry, insecure).transport);

  assert.deepEqual(transports, ["secure", "loopback", "loopback", "loopback", "insecure", "secure", "secure"]);
  assert.equal(endpointOf("docker.io", insecure).host, "registry-1.docker.io");
  assert.equal(isLoopback("0.0.0.0"), false);
});

const FOLLOW_UPS: readonly (readonly [from: string, to: string, isAllowed: boolean])[] = [
  ["https://h.x", "https://cdn.x/", true],
  ["https://h.x", "http://cdn.x/", false],
  ["https://h.x", "http://127.0.0.1/", false],
  ["http://127.0.0.1:5000", "http://127.0.0.1:6000/", true],
  ["http://127.0.0.1:5000", "http://10.0.0.1/", false],
  ["http://old.x:5000", "http://old.x:5000/", true],
  ["http://old.x:5000", "http://old.x:80/", false],
  ["http://old.x:5000", "https://cdn.x/", true],
  ["http://127.0.0.1:5000", "ftp://127.0.0.1/", false],
];
for (const [from, to, isAllowed] of FOLLOW_UPS) {
  test(`checkFollowUp() ${isAllowed ? "allows" : "refuses"} ${from} to ${to}`, () => {
    const check = () => checkFollowUp(new URL(to), new URL(from));
    if (isAllowed) check();
    else assert.throws(check, failing("UNSAFE", /not encrypted/));
  });
}

test("resolveLocation() resolves, drops credentials, and stays on https for the same host", () => {
  const from = new URL("https://h.x:8443/v2/a/blobs/uploads/");

  assert.equal(resolveLocation("/upload?id=1", from).href, "https://h.x:8443/upload?id=1");
  assert.equal(resolveLocation("http://h.x/upload", from).href, "https://h.x:8443/upload");
  assert.equal(resolveLocation("https://u:p@cdn.x/b", from).href, "https://cdn.x/b");
  assert.throws(() => resolveLocation("http://[", from), failing("UNEXPECTED_RESPONSE", /no URL/));
});

test("parseRetryAfter() reads seconds and dates", () => {
  const now = Date.UTC(2026, 0, 1);
  assert.equal(parseRetryAfter("7", now), 7000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now), 30_000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2015 00:00:30 GMT", now), 0);
  assert.equal(parseRetryAfter("soon", now), undefined);
  assert.equal(parseRetryAfter(undefined, now), undefined);
});
