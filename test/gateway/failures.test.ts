// Every way in which a guest fails to answer (spec/wagi.md §5.4 with its decisions and the limits of issue 3), over real HTTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { exchange, readAnswers, request } from "../../src/gateway/testing.ts";
import { printing, serve, type Served } from "./world.ts";

const TEXT = "content-type: text/plain\n\n";

interface Case {
  readonly title: string;
  readonly served: Omit<Served, "route">;
  readonly target?: string;
  readonly status: number;
  readonly body?: string;
  readonly log: RegExp;
}

const CASES: readonly Case[] = [
  {
    title: "a trap answers 500",
    served: { module: "test/fail" },
    target: "/?trap",
    status: 500,
    log: /^fail: trap\nwasipool: GET \/: 500, the module trapped: unreachable\n$/,
  },
  {
    title: "output before a trap is thrown away",
    served: { module: printing(`${TEXT}half`, { end: "unreachable" }) },
    status: 500,
    log: /500, the module trapped: unreachable/,
  },
  {
    title: "a trap after a refused memory.grow answers 500 and says so",
    served: { module: "test/fail", guestLimits: { memoryBytes: 4 * 1024 * 1024 } },
    target: "/?grow",
    status: 500,
    log: /500, the module trapped after memory was refused/,
  },
  {
    title: "too deep a recursion answers 500",
    served: { module: "test/fail" },
    target: "/?recurse",
    status: 500,
    log: /500, the module trapped: call stack exhausted/,
  },
  {
    title: "an exit code answers 500",
    served: { module: "test/fail" },
    target: "/?exit&7",
    status: 500,
    log: /500, the module exited with code 7\n/,
  },
  {
    title: "an entry point that is missing answers 500",
    served: {
      module: "demo/hello",
      changes: { routes: [{ route: "/", entrypoint: "nowhere" }] },
    },
    status: 500,
    log: /^wasipool: GET \/: 500, .*"?nowhere/,
  },
  {
    title: "a guest that never ends answers 504 at its deadline",
    served: { module: "test/spin", limits: { timeoutMs: 60 } },
    status: 504,
    log: /^wasipool: GET \/: 504, no answer within 60 ms\n$/,
  },
  {
    title: "a guest that waits for ever answers 504 at its deadline",
    served: { module: "test/sleep", limits: { timeoutMs: 60 } },
    target: "/?100000",
    status: 504,
    log: /504, no answer within 60 ms/,
  },
  {
    title: "output over the limit answers 502",
    served: { module: printing(`${TEXT}${"x".repeat(2000)}`), limits: { maxResponseBytes: 1000 } },
    status: 502,
    log: /^wasipool: GET \/: 502, the module's output exceeds 1000 bytes\n$/,
  },
  {
    title: "a header block over the limit answers 502",
    served: { module: printing(`x-a: ${"y".repeat(2000)}\n${TEXT}`), limits: { maxResponseHeaderBytes: 1000 } },
    status: 502,
    log: /^wasipool: GET \/: 502, its output has no blank line within 1000 bytes\n$/,
  },
  {
    title: "a bad Status answers 502 with the module's body",
    served: { module: printing("status: 99 Low\ncontent-type: text/plain\n\nbody\n") },
    status: 502,
    body: "body\n",
    log: /502, its status "99 Low" is not within 200-999/,
  },
  {
    title: "headers of which none suffices answer 500 with the sentence",
    served: { module: printing("x-a: b\n\nbody\n") },
    status: 500,
    body: "Exactly one of 'location' or 'content-type' must be specified",
    log: /500, its headers have neither content-type, location nor status/,
  },
  {
    title: "no blank line answers 500 with the sentence",
    served: { module: printing("content-type: text/plain\n") },
    status: 500,
    body: "Exactly one of 'location' or 'content-type' must be specified",
    log: /500, its output has no blank line after headers/,
  },
  {
    title: "no output at all answers 500 with the sentence",
    served: { module: printing("") },
    status: 500,
    body: "Exactly one of 'location' or 'content-type' must be specified",
    log: /500, its output has no blank line after headers/,
  },
  {
    title: "headers that are not UTF-8 answer 500",
    served: { module: printing(Buffer.from("content-type: text/plain\nx-a: \xff\n\nbody", "latin1")) },
    status: 500,
    log: /500, its headers are not UTF-8/,
  },
  {
    title: "a control character in a header answers 500",
    served: { module: printing("content-type: text/plain\nx-a: a\u0007b\n\nbody") },
    status: 500,
    log: /500, header "x-a" has a control character in its value/,
  },
];

for (const { title, served, target = "/", status, body = "", log } of CASES) {
  test(`${title}, its log says why, and the next request of another container is unharmed`, async () => {
    await using world = await serve([
      { route: "/", ...served },
      { route: "/hello", module: "demo/hello" },
    ]);

    const answer = await request(world.port, target);

    assert.deepEqual(
      [answer.status, answer.body, answer.headers["content-type"]],
      [status, body, status === 502 && body !== "" ? "text/plain" : undefined],
    );
    assert.match(world.takeLog(), log);
    assert.deepEqual(world.gateway.counts("c0"), { requests: 1, failures: 1 });
    assert.equal((await request(world.port, "/hello")).body, "hello world\n");
  });
}

test("a request beyond concurrency and queue answers 503 with Retry-After, and the one under way its own", async () => {
  await using world = await serve([{ route: "/", module: "test/sleep", guestLimits: { concurrency: 1, queue: 0 } }]);

  const answers = await Promise.all([request(world.port, "/?300"), request(world.port, "/?300")]);

  const [first, second] = answers.toSorted((a, b) => a.status - b.status);
  assert.deepEqual([first?.status, first?.body], [200, "slept\n"]);
  assert.deepEqual([second?.status, second?.headers["retry-after"], second?.body], [503, "1", ""]);
});

for (const [title, framing] of [
  ["its length", "Content-Length: 11\r\n\r\nhello world"],
  ["its chunks", "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"],
] as const) {
  test(`a request body over the limit by ${title} answers 413 and its guest does not run`, async () => {
    const limits = { maxRequestBodyBytes: 10 };
    await using world = await serve([{ route: "/", module: "test/echo", limits }]);

    const [answer] = readAnswers(await exchange(world.port, `POST / HTTP/1.1\r\nHost: a\r\n${framing}`));

    assert.deepEqual([answer?.status, answer?.body, answer?.headers["connection"]], [413, "", "close"]);
    assert.deepEqual(world.gateway.counts("c0"), { requests: 0, failures: 0 });
  });
}

test("standard error beyond its limit is cut, and the log says so", async () => {
  const module = printing(TEXT, { errors: "e".repeat(70_000) });
  await using world = await serve([{ route: "/", module }]);

  assert.equal((await request(world.port, "/")).status, 200);
  const kept = "e".repeat(64 * 1024);
  assert.equal(world.takeLog(), `${kept}\nwasipool: standard error of this request was cut here\n`);
});
