// Which container answers a path (spec/wagi.md §4.3, §4.4 with its decisions), over real HTTP.
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/base/index.ts";
import type { Guest } from "../../src/engine/index.ts";
import { parseRoutesOutput, RouteSyntaxError } from "../../src/gateway/index.ts";
import { container, request } from "../../src/gateway/testing.ts";
import { printing, serve, type Served } from "./world.ts";

/** Routes as they are declared, then who answers which path: the number of a route, or a status. */
const TABLES: readonly [title: string, routes: readonly string[], answers: Readonly<Record<string, number>>][] = [
  [
    "a wildcard answers its path and all below it, and no longer name",
    ["/foo/..."],
    { "/foo": 0, "/foo/": 0, "/foo/bar/x": 0, "/foo?q=/x": 0, "/foobar": 404, "/fo": 404, "/": 404, "/Foo": 404 },
  ],
  [
    "an exact route answers its path alone",
    ["/foo", "/bar/"],
    { "/foo": 0, "/foo?x": 0, "/foo/": 404, "/foo/x": 404, "/bar/": 1, "/bar": 404, "/f%6fo": 404 },
  ],
  ["the root is no wildcard", ["/"], { "/": 0, "/?a": 0, "/x": 404 }],
  ["/... answers everything but /healthz", ["/..."], { "/": 0, "/x/y": 0, "/healthz": 200, "/healthz/x": 0 }],
  [
    "the first match in the order of the annotation answers, not the longest",
    ["/a/...", "/a/b", "/..."],
    { "/a/b": 0, "/a": 0, "/b": 2 },
  ],
  ["a narrower route before a wider one answers", ["/a/b", "/a/..."], { "/a/b": 0, "/a/b/": 1, "/a/c": 1 }],
];

for (const [title, routes, answers] of TABLES) {
  test(title, async () => {
    const containers = routes.map((route, index): Served => ({ route, module: printing(`status: 200\n\n${index}`) }));
    await using world = await serve(containers);

    const seen: Record<string, number> = {};
    for (const target of Object.keys(answers)) {
      const { status, body } = await request(world.port, target);
      seen[target] = status === 200 && body !== "OK" ? Number(body) : status;
    }

    assert.deepEqual(seen, answers);
  });
}

test("a route whose container does not run answers 503 and never falls through to a wider one", async () => {
  await using world = await serve([
    { route: "/a/...", name: "down" },
    { route: "/...", module: "demo/hello" },
  ]);

  const down = await request(world.port, "/a/b");

  assert.deepEqual([down.status, down.headers["retry-after"], down.body], [503, "1", ""]);
  assert.equal((await request(world.port, "/b")).body, "hello world\n");
});

test("entrypoint names the export that answers", async () => {
  const routes = [{ route: "/", entrypoint: "on_exact" }];
  await using world = await serve([{ route: "/", module: "test/routes", changes: { routes } }]);

  assert.equal((await request(world.port, "/")).body, "exact\n");
});

/** What a module's `_routes` prints. */
async function printedRoutes(guest: Guest): Promise<Uint8Array> {
  const printed: Uint8Array[] = [];
  const outcome = await guest.run({
    entrypoint: "_routes",
    args: [],
    env: [],
    stdin: { read: () => new Uint8Array(0) },
    stdout: { write: (bytes) => void printed.push(Buffer.from(bytes)) },
    stderr: { write: () => {} },
    preopens: [],
    account: { id: "routes", weight: 100, cpuMs: 0 },
    deadlineMs: systemClock.monotonic() + 10_000,
  });
  assert.deepEqual(outcome.kind, "exited");
  return Buffer.concat(printed);
}

test("routes that _routes printed answer below the module's own, the last first and its own last", async () => {
  await using world = await serve([{ route: "/r/...", name: "r" }]);
  const guest = world.load("test/routes");
  const routes = parseRoutesOutput({ route: "/r/...", entrypoint: "_start" }, await printedRoutes(guest));
  world.gateway.serve("pod", container("r", "/r/...", guest, { routes }));

  const bodies: Record<string, string> = {};
  for (const target of ["/r", "/r/exact", "/r/exact/x", "/r/wildcard", "/r/wildcard/x", "/r/main", "/r/mainx"])
    bodies[target] = (await request(world.port, target)).body;

  assert.deepEqual(
    routes.map(({ route }) => route),
    ["/r/main", "/r/wildcard/...", "/r/exact", "/r/..."],
  );
  assert.deepEqual(bodies, {
    "/r": "start\n",
    "/r/exact": "exact\n",
    "/r/exact/x": "start\n",
    "/r/wildcard": "wildcard\n",
    "/r/wildcard/x": "wildcard\n",
    "/r/main": "start\n",
    "/r/mainx": "start\n",
  });
});

const ENV_ROUTES = [
  { route: "/p/sub/...", entrypoint: "_start" },
  { route: "/p/exact", entrypoint: "_start" },
  { route: "/p/...", entrypoint: "_start" },
];
for (const [target, matched, script, info] of [
  ["/p/sub/fizz/buzz", "/p/sub/...", "/p/sub", "/fizz/buzz"],
  ["/p/sub", "/p/sub/...", "/p/sub", ""],
  ["/p/exact", "/p/exact", "/p/exact", ""],
  ["/p/else", "/p/...", "/p", "/else"],
] as const) {
  test(`the variables of ${target} are those of the route ${matched}`, async () => {
    await using world = await serve([{ route: "/p/...", module: "test/env", changes: { routes: ENV_ROUTES } }]);

    const lines = (await request(world.port, target)).body.split("\n");

    for (const line of [`X_MATCHED_ROUTE=${matched}`, `SCRIPT_NAME=${script}`, `PATH_INFO=${info}`])
      assert.ok(lines.includes(`env ${line}`), `${line} in ${lines.join(" ")}`);
  });
}

test("routes of a module that stopped stay its own, so that no wider route of the pod answers them", async () => {
  const routes = [
    { route: "/m/extra", entrypoint: "on_exact" },
    { route: "/m", entrypoint: "_start" },
  ];
  await using world = await serve([
    { route: "/m", module: "test/routes", name: "m", changes: { routes } },
    { route: "/...", module: "demo/hello" },
  ]);
  assert.equal((await request(world.port, "/m/extra")).body, "exact\n");

  assert.deepEqual(await world.gateway.stopContainer("pod", "m", 0), { drained: true });

  assert.equal((await request(world.port, "/m/extra")).status, 503);
  assert.equal((await request(world.port, "/m/other")).body, "hello world\n");
});

for (const [title, printed] of [
  ["three words on a line", "/a b c\n"],
  ["a route with a wildcard in its middle", "/a/.../b x\n"],
  ["a route with a query", "/a?b x\n"],
  ["bytes that are not UTF-8", Buffer.from([0x2f, 0xff, 0x0a])],
  ["more than 64 KiB", Buffer.alloc(64 * 1024 + 1, 10)],
  ["more than 512 routes", "/a x\n".repeat(513)],
] as const) {
  test(`_routes that printed ${title} is refused`, () => {
    const own = { route: "/", entrypoint: "_start" };

    assert.throws(() => parseRoutesOutput(own, Buffer.from(printed as string)), RouteSyntaxError);
  });
}

test("_routes that printed empty lines and a route alone means _start", () => {
  const own = { route: "/x/...", entrypoint: "main" };

  assert.deepEqual(parseRoutesOutput(own, Buffer.from("\r\n\n  a \r\n")), [
    { route: "/x/a", entrypoint: "_start" },
    own,
  ]);
});
