import assert from "node:assert/strict";
import { test } from "node:test";
import type { Request } from "../protocol.ts";
import { StateRecord } from "./record.ts";

const LOAD: Request = {
  op: "load-module",
  digest: "d",
  layout: { version: 1, globals: [], tables: [], freshOnly: [] },
};
const ROUTES: Request = { op: "declare-routes", sandbox: "s", routes: [{ route: "/", container: "c" }] };
const LISTEN: Request = { op: "listen", sandbox: "s", url: "http://127.0.0.1" };
const START: Request = {
  op: "start-wagi",
  sandbox: "s",
  container: { id: "c", name: "c", digest: "d", args: [], env: [], mounts: [], memoryBytes: 1, weight: 1 },
  wagi: {
    route: "/",
    entrypoint: "_start",
    allowedHosts: [],
    limits: {
      timeoutMs: 1,
      maxRequestBodyBytes: 1,
      maxResponseBytes: 1,
      maxResponseHeaderBytes: 1,
      concurrency: 1,
      queue: 1,
    },
  },
};

function filled(): StateRecord {
  const record = new StateRecord();
  record.add({ request: LISTEN, fds: [3] });
  record.add({ request: START, fds: [4, 5], result: { routes: [] } });
  record.add({ request: ROUTES, fds: [] });
  record.add({ request: LOAD, fds: [6] });
  return record;
}

const replayed = (record: StateRecord) =>
  record.replay().map((step) => step.map(({ request, fds }) => [request.op, ...fds]));

test("StateRecord replays modules, routes, containers and sockets in this order, whatever theirs was", () => {
  assert.deepEqual(replayed(filled()), [
    [["load-module", 6]],
    [["declare-routes"]],
    [["start-wagi", 4, 5]],
    [["listen", 3]],
  ]);
});

for (const [what, request, freed, left] of [
  ["a stopped container", { op: "stop-container", container: "c", graceMs: 0 }, [4, 5], 3],
  ["an unloaded module", { op: "unload-module", digest: "d" }, [6], 3],
  ["a removed sandbox", { op: "remove-sandbox", sandbox: "s", graceMs: 0 }, [3, 4, 5], 1],
  ["an unknown container", { op: "stop-container", container: "x", graceMs: 0 }, [], 4],
] as const) {
  test(`StateRecord forgets ${what} and answers its descriptors`, () => {
    const record = filled();

    assert.deepEqual(record.add({ request, fds: [] }), freed);

    assert.equal(record.replay().flat().length, left);
  });
}

test("StateRecord answers the former descriptor of a module that is loaded again", () => {
  const record = filled();

  assert.deepEqual(record.add({ request: LOAD, fds: [9] }), [6]);

  assert.deepEqual(replayed(record)[0], [["load-module", 9]]);
});

test("StateRecord gives sockets to the sandbox that took them over, so that removing the former keeps them", () => {
  const record = filled();
  record.add({ request: { op: "take-over", from: "s", to: "t" }, fds: [] });

  assert.deepEqual(record.add({ request: { op: "remove-sandbox", sandbox: "s", graceMs: 0 }, fds: [] }), [4, 5]);

  assert.deepEqual(record.replay().at(-1), [{ request: { ...LISTEN, sandbox: "t" }, fds: [3] }]);
});

test("StateRecord keeps nothing of commands and questions", () => {
  const record = new StateRecord();
  const command: Request = { op: "start-command", sandbox: "s", container: START.container };

  assert.deepEqual(record.add({ request: command, fds: [7] }), [7]);
  assert.deepEqual(record.add({ request: { op: "stats", container: "c" }, fds: [] }), []);

  assert.deepEqual(record.replay().flat(), []);
});

test("StateRecord.clear() answers every descriptor once", () => {
  const record = filled();

  assert.deepEqual(
    record.clear().toSorted((a, b) => a - b),
    [3, 4, 5, 6],
  );

  assert.deepEqual(record.clear(), []);
});

test("StateRecord tells in which sandbox a container serves", () => {
  const record = filled();

  assert.equal(record.sandboxOf("c"), "s");
  assert.equal(record.sandboxOf("x"), undefined);
});
