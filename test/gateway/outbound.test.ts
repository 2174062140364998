// Outbound calls of a module that answers a request: /http-example, and `http_max_concurrency` (spec/wagi.md §4.2).
import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "../../src/gateway/testing.ts";
import { httpServer, names } from "../outbound/server.ts";
import { printing, serve, wat } from "./world.ts";

/** Calls `url` twice without closing a response, then prints the codes of both calls as digits from "A". */
function callsTwice(url: string): Uint8Array {
  const head = "content-type: text/plain\n\n";
  return wat(`(module
    (import "wasi_experimental_http" "req"
      (func $req (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "GET")
    (data (i32.const 200) "${url}")
    (data (i32.const 1024) "${head.replaceAll("\n", String.raw`\0a`)}")
    (func $call (param $to i32)
      (i32.store8 (local.get $to) (i32.add (i32.const 65)
        (call $req (i32.const 200) (i32.const ${url.length}) (i32.const 100) (i32.const 3)
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 40) (i32.const 48)))))
    (func (export "_start")
      (call $call (i32.const ${1024 + head.length}))
      (call $call (i32.const ${1024 + head.length + 1}))
      (i32.store (i32.const 0) (i32.const 1024))
      (i32.store (i32.const 4) (i32.const ${head.length + 2}))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`);
}

const local = names({ "local.test": ["127.0.0.1"] });

for (const [title, httpMaxConcurrency, codes] of [
  ["http_max_concurrency 1 answers the second open response with code 13", 1, "AN"],
  ["http_max_concurrency 2 lets two responses be open", 2, "AA"],
] as const) {
  test(title, async () => {
    await using server = await httpServer((_request, response) => void response.end("x"));
    const module = callsTwice(`http://local.test:${server.port}/`);
    const changes = { allowedHosts: ["http://local.test"], httpMaxConcurrency };
    await using world = await serve([{ route: "/", module, changes }], { resolve: local });

    for (let round = 0; round < 3; round++) assert.equal((await request(world.port, "/")).body, codes);
  });
}

test("a host that is not in allowed_hosts answers code 7 and no connection is made", async () => {
  await using server = await httpServer((_request, response) => void response.end("x"));
  const module = callsTwice(`http://local.test:${server.port}/`);
  const changes = { allowedHosts: ["http://other.test"] };
  await using world = await serve([{ route: "/", module, changes }], { resolve: local });

  assert.equal((await request(world.port, "/")).body, "HH");
  assert.equal(server.connections(), 0);
});

test("a guest that waits for a server lets others answer, and 504 ends its call", async () => {
  const reached = Promise.withResolvers<void>();
  await using server = await httpServer(() => reached.resolve());
  const module = callsTwice(`http://local.test:${server.port}/`);
  const changes = { allowedHosts: ["http://local.test"] };
  await using world = await serve(
    [
      { route: "/slow", module, changes, limits: { timeoutMs: 400 } },
      { route: "/", module: printing("status: 200\n\nquick") },
    ],
    { resolve: local },
  );

  const slow = request(world.port, "/slow");
  await reached.promise;
  assert.equal((await request(world.port, "/")).body, "quick");

  assert.equal((await slow).status, 504);
  assert.match(world.takeLog(), /504, no answer within 400 ms/);
});
