// What a guest sees of a request beside what demo.test.ts has (spec/wagi.md §5.1), over real HTTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange, readAnswers } from "../../src/gateway/testing.ts";
import { serve } from "./world.ts";

const CASES: readonly [title: string, head: string, env: Readonly<Record<string, string | undefined>>][] = [
  [
    "an IPv6 Host with a port",
    "GET /a HTTP/1.1\r\nHost: [::1]:81",
    { SERVER_NAME: "[::1]", SERVER_PORT: "81", X_FULL_URL: "http://[::1]:81/a", HTTP_HOST: "[::1]:81" },
  ],
  [
    "an IPv6 Host without a port",
    "GET /a HTTP/1.1\r\nHost: [fe80::1]",
    { SERVER_NAME: "[fe80::1]", SERVER_PORT: "80", X_FULL_URL: "http://[fe80::1]:80/a" },
  ],
  ["a Host without a port", "GET / HTTP/1.1\r\nHost: a.b", { SERVER_NAME: "a.b", SERVER_PORT: "80" }],
  [
    "HTTP/1.0 without a Host",
    "GET / HTTP/1.0",
    { SERVER_NAME: "localhost", SERVER_PORT: "80", SERVER_PROTOCOL: "HTTP/1.0", HTTP_HOST: undefined },
  ],
  [
    "headers that repeat",
    "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nX-A: 3\r\nCookie: a=1\r\nCookie: b=2",
    { HTTP_X_A: "1, 2, 3", HTTP_COOKIE: "a=1; b=2" },
  ],
  [
    "headers that are withheld",
    "GET / HTTP/1.1\r\nHost: a\r\nProxy: http://evil\r\nAuthorization: Basic eA==\r\nX_User: root",
    { HTTP_PROXY: undefined, HTTP_AUTHORIZATION: undefined, HTTP_CONNECTION: undefined, HTTP_X_USER: undefined },
  ],
  [
    "a Content-Type, and no body",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/x; a=b",
    { CONTENT_TYPE: "text/x; a=b", HTTP_CONTENT_TYPE: "text/x; a=b", CONTENT_LENGTH: "0" },
  ],
  ["no Content-Type", "GET / HTTP/1.1\r\nHost: a", { CONTENT_TYPE: "", HTTP_CONTENT_TYPE: undefined }],
  ["a value beyond ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX-A: \xe9", { HTTP_X_A: "CORRUPT VALUE" }],
  [
    "an escaped path and a raw query",
    "GET /a%20b/%c3%a9+c?d=%20&&e HTTP/1.1\r\nHost: a",
    { PATH_INFO: "/a b/é+c", X_RAW_PATH_INFO: "/a%20b/%c3%a9+c", QUERY_STRING: "d=%20&&e" },
  ],
  ["another method", "PROPFIND / HTTP/1.1\r\nHost: a", { REQUEST_METHOD: "PROPFIND" }],
];

for (const [title, head, expected] of CASES) {
  test(`the environment of ${title}`, async () => {
    await using world = await serve([{ route: "/...", module: "test/env" }]);

    const bytes = Buffer.from(`${head}\r\nConnection: close\r\n\r\n`, "latin1");
    const [answer] = readAnswers(await exchange(world.port, bytes));
    const lines = Buffer.from(answer?.body ?? "", "latin1")
      .toString()
      .split("\n");
    const pairs = lines.flatMap((line) => (line.startsWith("env ") ? [line.slice(4).split(/=(.*)/s, 2)] : []));
    const env = Object.fromEntries(pairs) as Record<string, string>;

    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, env[key]])), expected);
    assert.equal(new Set(pairs.map(([key]) => key)).size, pairs.length, "a variable is there twice");
  });
}
