import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { encodeHead } from "../http/answer.ts";
import { ResponseParser } from "./response.ts";

const SENTENCE = "Exactly one of 'location' or 'content-type' must be specified";

const RULES: readonly [name: string, output: string, status: number, headers: string, body: string][] = [
  ["a content type", "Content-Type: a/b\n\nbody", 200, "content-type: a/b\r\n", "body"],
  [
    "CRLF in headers, bodies as they are",
    "content-type:a/b\r\n\r\nx\r\n\r\ny",
    200,
    "content-type: a/b\r\n",
    "x\r\n\r\ny",
  ],
  ["a status with its reason", "status: 404 Not Found\n\nx", 404, "", "x"],
  ["a location", "location: /x\n\n", 302, "location: /x\r\n", ""],
  ["a status beside a location", "location: /x\nstatus: 201\n\n", 201, "location: /x\r\n", ""],
  ["a status before a location", "status: 201\nlocation: /x\n\n", 201, "location: /x\r\n", ""],
  [
    "repeated fields",
    "status: 200\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n",
    200,
    "set-cookie: a=1\r\nset-cookie: b=2\r\n",
    "",
  ],
  ["the last of two content types", "content-type: a\ncontent-type: b\n\n", 200, "content-type: b\r\n", ""],
  [
    "fields about the connection",
    "status: 200\nConnection: x\nContent-Length : 9\nTransfer-Encoding: chunked\nKeep-Alive: 1\nUpgrade: x\nTE: x\nTrailer: x\n\nb",
    200,
    "",
    "b",
  ],
  ["a line that is no field", "status: 200\nno field\n\nb", 200, "", "b"],
  ["no blank line", "content-type: a/b", 500, "", SENTENCE],
  ["nothing", "", 500, "", SENTENCE],
  ["no sufficient header", "x: y\n\nb", 500, "", SENTENCE],
  ["headers that are not UTF-8", "status: 200\nx: \xff\n\nb", 500, "", ""],
  ["NUL in a value", "status: 200\nx: a\0b\n\nb", 500, "", ""],
  ["a status that is no number", "status: abc\n\nb", 502, "", "b"],
  ["an interim status", "status: 100\n\nb", 502, "", "b"],
  ["a header block beyond its limit", `status: 200\nx: ${"y".repeat(200)}\n\nb`, 502, "", ""],
];

for (const [name, output, status, headers, body] of RULES) {
  test(`ResponseParser answers ${status} for ${name}`, () => {
    const answer = new ResponseParser(150).parse(Buffer.from(output, "latin1"));

    assert.deepEqual([answer.status, answer.headers, answer.body.toString("latin1")], [status, headers, body]);
  });
}

const piece = fc.oneof(
  fc.constantFrom(
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    ":",
    " ",
    "\0",
    "\x0b",
    "\x85",
    "status:",
    "200",
    "location:",
    "set-cookie:",
  ),
  fc.constantFrom("content-type: a/b\n", "content-length: 5\n", "transfer-encoding : chunked\n", "HTTP/1.1 200 OK"),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const FRAMING = /^(connection|content-length|transfer-encoding|keep-alive|upgrade|te|trailer)$/;

test("ResponseParser never lets any output add lines, framing or a second answer", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const answer = new ResponseParser(64).parse(Buffer.from(pieces.join(""), "utf8"));
      const names = answer.headers
        .split("\r\n")
        .slice(0, -1)
        .map((line) => line.split(": ", 1)[0] ?? "");

      assert.ok(answer.status >= 200 && answer.status <= 999);
      assert.match(answer.headers, /^(?:[!#$%&'*+\-.^_`|~0-9a-z]+: [\t -~\x80-\xff]*\r\n)*$/);
      assert.deepEqual(
        names.filter((name) => FRAMING.test(name)),
        [],
      );
      assert.equal(encodeHead(answer, "", "").split("\r\n\r\n").length, 2);
    }),
    { numRuns: 2000 },
  );
});
