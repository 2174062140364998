import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import { announcesBody, RequestParser } from "./parser.ts";
import { type RequestHead, RequestRejected } from "./request.ts";

const HOST = "Host: a.test\r\n";

interface Read {
  readonly head: RequestHead;
  readonly body: string;
}

/** Reads as many requests as there are, `step` bytes at a time; a refusal ends the list as its status. */
function read(bytes: string, limits: Partial<HttpLimits> = {}, step = bytes.length): (Read | number)[] {
  const parser = new RequestParser({ ...DEFAULT_HTTP_LIMITS, ...limits });
  const next = nextRequest(parser);
  const found: (Read | number)[] = [];
  try {
    for (let at = 0; at < bytes.length; at += step) {
      parser.push(Buffer.from(bytes.slice(at, at + step), "latin1"));
      for (let request = next(); request; request = next()) found.push(request);
    }
  } catch (error) {
    if (!(error instanceof RequestRejected)) throw error;
    found.push(error.status);
  }
  return found;
}

/** Answers the next request when it is complete. */
function nextRequest(parser: RequestParser): () => Read | undefined {
  let head: RequestHead | undefined;
  return () => {
    const started = head ?? parser.readHead();
    if (!started) return undefined;
    if (!announcesBody(started)) return { head: started, body: "" };
    if (!head) parser.startBody(started, 1000);
    const body = parser.readBody();
    head = body ? undefined : started;
    return body && { head: started, body: body.toString("latin1") };
  };
}

function only(bytes: string): Read {
  const [first, ...rest] = read(bytes);
  assert.equal(rest.length, 0);
  if (typeof first !== "object") throw new Error(`Not read as a request: ${first ?? "incomplete"}`);
  return first;
}

const post = (fields: string, body: string) => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);

const REFUSED: readonly [name: string, bytes: string, status: number, limits?: Partial<HttpLimits>][] = [
  ["bare LF after the request line", `GET / HTTP/1.1\n${HOST}\r\n`, 400],
  ["bare LF after a field", "GET / HTTP/1.1\r\nHost: a.test\n\r\n\r\n", 400],
  ["bare CR in a value", `GET / HTTP/1.1\r\n${HOST}A: b\rc\r\n\r\n`, 400],
  ["bare CR before a request", `\rGET / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["two empty lines before a request", `\r\n\r\nGET / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["obs-fold", `GET / HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`, 400],
  ["folding of the first field", "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n", 400],
  ["space before the colon", `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`, 400],
  ["empty field name", `GET / HTTP/1.1\r\n${HOST}: b\r\n\r\n`, 400],
  ["field without colon", `GET / HTTP/1.1\r\n${HOST}A\r\n\r\n`, 400],
  ["NUL in a value", `GET / HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`, 400],
  ["DEL in a value", `GET / HTTP/1.1\r\n${HOST}A: b\x7f\r\n\r\n`, 400],
  ["control character in the target", `GET /\x01 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["fragment in the target", `GET /#a HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["byte beyond ASCII in the target", `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["two spaces in the request line", `GET  / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["tab in the request line", `GET\t/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["HTTP/0.9", "GET /\r\n\r\n", 400],
  ["lower-case version", `GET / http/1.1\r\n${HOST}\r\n`, 400],
  ["HTTP/2.0", `GET / HTTP/2.0\r\n${HOST}\r\n`, 505],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["unknown method", `BREW / HTTP/1.1\r\n${HOST}\r\n`, 501],
  ["CONNECT", `CONNECT a.test:80 HTTP/1.1\r\n${HOST}\r\n`, 501],
  ["lower-case method", `get / HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a TLS hello", "\x16\x03\x01\x02\x00\x01", 400],
  ["* for GET", `GET * HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a relative target", `GET a HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["a target of another scheme", `GET ftp://a.test/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["user information in the target", `GET http://u@a.test/ HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["no Host in HTTP/1.1", "GET / HTTP/1.1\r\n\r\n", 400],
  ["two Hosts", `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  ["a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a Host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400],
  ["a port above 65535", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400],
  ["IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400],
  ["bad IPv6", "GET / HTTP/1.1\r\nHost: [::1::2]\r\n\r\n", 400],
  ["two different lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab"), 400],
  ["two equal lengths", post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), 400],
  ["a list of lengths", post("Content-Length: 1, 1\r\n", "a"), 400],
  ["a signed length", post("Content-Length: +1\r\n", "a"), 400],
  ["a hexadecimal length", post("Content-Length: 0x1\r\n", "a"), 400],
  ["an empty length", post("Content-Length:\r\n", ""), 400],
  ["length with chunked", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
  ["an unknown transfer coding", post("Transfer-Encoding: gzip\r\n", ""), 400],
  ["two transfer codings", post("Transfer-Encoding: gzip, chunked\r\n", ""), 400],
  ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400],
  ["identity", post("Transfer-Encoding: identity\r\n", ""), 400],
  ["vertical tab before chunked", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400],
  ["chunked in HTTP/1.0", `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ["no chunk size", chunked("\r\n"), 400],
  ["a chunk size that is no number", chunked("g\r\n"), 400],
  ["a signed chunk size", chunked("-1\r\n"), 400],
  ["a prefixed chunk size", chunked("0x1\r\na\r\n"), 400],
  ["a chunk size with too many digits", chunked("00000000001\r\na\r\n"), 400],
  ["space after a chunk size", chunked("1 \r\na\r\n"), 400],
  ["bare LF after a chunk size", chunked("1\na\r\n"), 400],
  ["bare LF after a chunk", chunked("1\r\na\n0\r\n\r\n"), 400],
  ["a chunk longer than its size", chunked("1\r\nab\r\n0\r\n\r\n"), 400],
  ["control character in an extension", chunked("1;a=\x01\r\na\r\n"), 400],
  ["extensions beyond their limit", chunked(`1;a=${"b".repeat(1024)}\r\na\r\n`), 400],
  ["a trailer about framing", chunked("0\r\nContent-Length: 5\r\n\r\n"), 400],
  ["folding in a trailer", chunked("0\r\nA: b\r\n c\r\n\r\n"), 400],
  ["a body beyond its limit", post("Content-Length: 1001\r\n", ""), 413],
  ["a chunk beyond the body's limit", chunked("3e9\r\n"), 413],
  ["chunks beyond the body's limit", chunked(`3e8\r\n${"a".repeat(1000)}\r\n1\r\n`), 413],
  [
    "a request line beyond its limit",
    `GET /${"a".repeat(50)} HTTP/1.1\r\n${HOST}\r\n`,
    414,
    { maxRequestLineBytes: 50 },
  ],
  ["an unfinished request line beyond its limit", `GET /${"a".repeat(60)}`, 414, { maxRequestLineBytes: 50 }],
  ["headers beyond their limit", `GET / HTTP/1.1\r\n${HOST}A: ${"b".repeat(90)}\r\n\r\n`, 431, { maxHeaderBytes: 90 }],
  [
    "unfinished headers beyond their limit",
    `GET / HTTP/1.1\r\nA: ${"b".repeat(9000)}`,
    431,
    { maxHeaderBytes: 90, maxRequestLineBytes: 90 },
  ],
  ["too many fields", `GET / HTTP/1.1\r\n${HOST}A: b\r\nA: b\r\n\r\n`, 431, { maxHeaderCount: 2 }],
  ["too many trailers", chunked("0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), 431, { maxHeaderCount: 2 }],
];

for (const [name, bytes, status, limits = {}] of REFUSED) {
  test(`RequestParser refuses ${name} with ${status}, at once and byte by byte`, () => {
    assert.deepEqual(read(bytes, limits), [status]);
    assert.deepEqual(read(bytes, limits, 1), [status]);
  });
}

test("RequestParser reads pipelined requests alike, whatever pieces they come in", () => {
  const bytes = [
    `GET /a?b=c HTTP/1.1\r\n${HOST}\r\n`,
    post("Content-Length: 3\r\n", "abc"),
    chunked('2;x;y=z;q="a b"\r\nde\r\n01\r\nf\r\n0\r\nA: b\r\n\r\n'),
    "\r\nGET /z HTTP/1.0\r\n\r\n",
  ].join("");
  const whole = read(bytes);

  const bodies = whole.map((each) => (typeof each === "number" ? each : `${each.head.path} ${each.body}`));
  assert.deepEqual(bodies, ["/a ", "/ abc", "/ def", "/z "]);
  for (const step of [1, 2, 3, 7, 64]) assert.deepEqual(read(bytes, {}, step), whole);
});

const AUTHORITIES: readonly [request: string, host: string | undefined, port: number | undefined, path: string][] = [
  ["GET / HTTP/1.1\r\nHost: a.test", "a.test", undefined, "/"],
  ["GET / HTTP/1.1\r\nHost: a.test:8080", "a.test", 8080, "/"],
  ["GET / HTTP/1.1\r\nHost: a.test:", "a.test", undefined, "/"],
  ["GET / HTTP/1.1\r\nHost: [::1]", "[::1]", undefined, "/"],
  ["GET / HTTP/1.1\r\nHost: [fe80::1]:3001", "[fe80::1]", 3001, "/"],
  ["GET http://b.test:81/x?y HTTP/1.1\r\nHost: a.test", "b.test", 81, "/x"],
  ["GET HTTP://b.test HTTP/1.1\r\nHost: a.test", "b.test", undefined, "/"],
  ["GET http://b.test?y HTTP/1.1\r\nHost: a.test", "b.test", undefined, "/"],
  ["OPTIONS * HTTP/1.1\r\nHost: a.test", "a.test", undefined, "*"],
  ["GET / HTTP/1.0", undefined, undefined, "/"],
];

for (const [request, host, port, path] of AUTHORITIES) {
  test(`RequestParser finds host, port and path of ${JSON.stringify(request)}`, () => {
    const { head } = only(`${request}\r\n\r\n`);

    assert.deepEqual([head.authority?.host, head.authority?.port, head.path], [host, port, path]);
  });
}

const KEPT: readonly [version: string, connection: string, keepAlive: boolean][] = [
  ["HTTP/1.1", "", true],
  ["HTTP/1.1", "Connection: close\r\n", false],
  ["HTTP/1.1", "Connection: keep-alive, Close\r\n", false],
  ["HTTP/1.0", "", false],
  ["HTTP/1.0", "Connection: Keep-Alive\r\n", true],
];

for (const [version, connection, keepAlive] of KEPT) {
  test(`RequestParser says keepAlive ${keepAlive} for ${version} with ${JSON.stringify(connection)}`, () => {
    assert.equal(only(`GET / ${version}\r\n${HOST}${connection}\r\n`).head.keepAlive, keepAlive);
  });
}
