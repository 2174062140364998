import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { test } from "node:test";
import { text as readText } from "node:stream/consumers";
import * as fc from "fast-check";
import { DEFAULT_HTTP_LIMITS } from "./limits.ts";
import { announcesBody, RequestParser } from "./parser.ts";
import { RequestRejected } from "./request.ts";

/** What a parser makes of a request, in terms both share. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** Our reading of bytes that hold one whole request and nothing else; undefined when it is refused, or they hold another number. */
function ours(bytes: string): Seen | undefined {
  const parser = new RequestParser(DEFAULT_HTTP_LIMITS);
  parser.push(Buffer.from(bytes, "latin1"));
  try {
    const head = parser.readHead();
    if (!head) return undefined;
    if (announcesBody(head)) parser.startBody(head, 100_000);
    const body = announcesBody(head) ? parser.readBody() : Buffer.alloc(0);
    if (!body || parser.hasUnread) return undefined;
    const { method, path, query, headers } = head;
    const fields = headers.fields.flatMap(({ name, value }) => [name, value]);
    return { method, url: path + (query === undefined ? "" : `?${query}`), fields, body: body.toString("latin1") };
  } catch (error) {
    if (error instanceof RequestRejected) return undefined;
    throw error;
  }
}

/** The same of node:http, over a connection of its own; everything it saw, so that a second request shows. */
class NodeOracle implements AsyncDisposable {
  readonly #server = http.createServer((request, response) => this.#note(request, response));
  #seen: Promise<Seen>[] = [];

  async listen(): Promise<void> {
    this.#server.on("checkContinue", (request, response) => this.#note(request, response));
    this.#server.on("checkExpectation", (request, response) => this.#note(request, response));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async read(bytes: string): Promise<readonly Seen[]> {
    this.#seen = [];
    const socket = net.connect((this.#server.address() as AddressInfo).port, "127.0.0.1");
    socket.end(Buffer.from(bytes, "latin1"));
    socket.resume();
    await once(socket, "close");
    return Promise.all(this.#seen);
  }

  #note(request: http.IncomingMessage, response: http.ServerResponse): void {
    const seen = readText(request.setEncoding("latin1")).then((body): Seen => {
      const { method = "", url = "", rawHeaders } = request;
      const fields = rawHeaders.map((each, index) => (index % 2 === 0 ? each.toLowerCase() : each));
      return { method, url: url.replace(/^https?:\/\/[^/?]+\/?/i, "/"), fields, body };
    });
    this.#seen.push(seen);
    seen.then(
      () => response.end(),
      () => response.destroy(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

const METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"];
const TARGETS = ["/", "/a?b=c", "/%00?", "//x", "*", "http://b.test/x?y", "http://b.test", '/"<>\\^`{|}', "/a#b"];
const FIELDS = ["A: b", "a:\tb \t", "X-Y: \xe9", "Cookie: a=b", "Expect: 100-continue", "Connection: close", "A:"];
/** The field that frames a body, and the body. */
const FRAMES: readonly (readonly [string[], string])[] = [
  [[], ""],
  [["Content-Length: 3"], "abc"],
  [["Content-Length: 0"], ""],
  [["Transfer-Encoding: chunked"], "3\r\nabc\r\n0\r\n\r\n"],
  [["Transfer-Encoding: chunked"], "1;x=y\r\na\r\n02\r\nbc\r\n0\r\nT: u\r\n\r\n"],
  [["Transfer-Encoding: chunked", "Content-Length: 3"], "0\r\n\r\n"],
  [["Content-Length: 3", "Content-Length: 3"], "abc"],
];
const request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    target: fc.constantFrom(...TARGETS),
    version: fc.constantFrom("HTTP/1.1", "HTTP/1.0"),
    fields: fc.array(fc.constantFrom(...FIELDS), { maxLength: 4 }),
    frame: fc.constantFrom(...FRAMES),
  })
  .map(({ method, target, version, fields, frame: [framing, body] }) =>
    [`${method} ${target} ${version}`, "Host: a.test:81", ...fields, ...framing, "", body].join("\r\n"),
  );
/** One place of a request replaced by bytes that parsers have disagreed about. */
const mutated = fc
  .tuple(
    request,
    fc.nat(),
    fc.nat({ max: 2 }),
    fc.constantFrom("\n", "\r", "\r\n", " ", "\t", "\0", ":", ",", "0", "\x0b", "\xa0", ";", ""),
  )
  .map(([bytes, at, length, text]) => {
    const index = at % bytes.length;
    return bytes.slice(0, index) + text + bytes.slice(index + length);
  });

test("whatever RequestParser accepts, node:http reads as the same one request", async () => {
  await using oracle = new NodeOracle();
  await oracle.listen();
  let accepted = 0;

  await fc.assert(
    fc.asyncProperty(fc.oneof(request, mutated), async (bytes) => {
      const mine = ours(bytes);
      if (!mine) return;
      accepted += 1;
      assert.deepEqual(await oracle.read(bytes), [mine]);
    }),
    { numRuns: 1500 },
  );

  assert.ok(accepted > 150, `only ${accepted} requests were accepted, too few to compare`);
});
