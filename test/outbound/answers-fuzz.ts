// Servers that answer any bytes: a guest gets an answer or a code, and nothing is left open.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import * as fc from "fast-check";
import { BUFFER, type GuestCall, req, World, WRITTEN } from "./guest.ts";
import { names, rawServer } from "./server.ts";

const ANSWERS = [
  "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx: y\r\n\r\n5\r\nhello\r\n0\r\na: b\r\n\r\n",
  "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
];
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  ":",
  " ",
  "HTTP/1.1",
  "200",
  "99999999999",
  "-1",
  "location: //x",
  "chunked",
  "ÿ",
];
const READS: readonly GuestCall[] = [
  ["headers_get_all", 0, BUFFER, 65_536, WRITTEN],
  ["body_read", 0, BUFFER, 65_536, WRITTEN],
  ["body_read", 0, BUFFER, 65_536, WRITTEN],
  ["close", 0],
];

/** One of the answers with pieces put in place of others, up to three times. */
const answer = fc
  .tuple(
    fc.constantFrom(...ANSWERS),
    fc.array(fc.tuple(fc.nat({ max: 120 }), fc.constantFrom("", ...PIECES), fc.nat({ max: 6 })), { maxLength: 3 }),
  )
  .map(([whole, changes]) =>
    changes.reduce((text, [place, put, drop]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + drop);
    }, whole),
  );

/** Answers how many of the calls got an answer. */
export async function fuzzAnswers(numRuns: number): Promise<number> {
  let bytes = Buffer.alloc(0);
  await using server = await rawServer((socket) => {
    socket.once("data", () => socket.end(bytes));
  });
  await using world = new World({
    resolve: names({ "up.test": ["127.0.0.1"] }),
    addresses: { allowed: ["127.0.0.1"] },
  });
  const texts = { url: `http://up.test:${server.port}/`, method: "GET" };
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof({ arbitrary: answer, weight: 9 }, fc.string()), async (text) => {
      bytes = Buffer.from(text, "latin1");

      const { outcome, codes, stderr } = await world.run(texts, [req(texts), ...READS], {
        allowedHosts: ["http://up.test"],
      });

      assert.equal(outcome.kind, "exited");
      const [code = -1, ...reads] = codes;
      assert.ok([0, 7, 10, 11].includes(code), `code ${code}`);
      assert.deepEqual(reads, code === 0 ? [0, 0, 0, 0] : [1, 1, 1, 0]);
      assert.equal(stderr === "", code === 0);
      // One line, whatever the server sent.
      assert.match(stderr, /^[^\p{Cc}]*\n?$/u);
      if (code === 0) answered++;
    }),
    { numRuns },
  );
  return answered;
}

/** Descriptors that this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
