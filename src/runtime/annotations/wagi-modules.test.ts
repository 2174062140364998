import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MODULES_LIMITS, parseWagiModules } from "./wagi-modules.ts";

const one = (module: object) => JSON.stringify({ web: { route: "/", ...module } });

test("parseWagiModules() reads every key and fills in defaults", () => {
  const modules = parseWagiModules(
    JSON.stringify({
      full: {
        route: "/a/...",
        entrypoint: "handle",
        allowed_hosts: ["https://example.com", "insecure:allow-all"],
        http_max_concurrency: 2,
        environment: { MODE: "x=y" },
        volumes: { "/data": "/srv/data" },
      },
      least: { route: "/", entrypoint: null, allowed_hosts: null },
    }),
  );

  assert.deepEqual(modules, [
    {
      container: "full",
      route: "/a/...",
      entrypoint: "handle",
      allowedHosts: ["https://example.com", "insecure:allow-all"],
      httpMaxConcurrency: 2,
      environment: { MODE: "x=y" },
      volumes: { "/data": "/srv/data" },
    },
    { container: "least", route: "/", entrypoint: "_start", allowedHosts: [], environment: {}, volumes: {} },
  ]);
});

test("parseWagiModules() keeps the order as written, also of names that look like numbers", () => {
  const modules = parseWagiModules('{"b":{"route":"/b"},"10":{"route":"/10"},"a":{"route":"/a"},"2":{"route":"/2"}}');

  assert.deepEqual(
    modules.map(({ container }) => container),
    ["b", "10", "a", "2"],
  );
});

const many = Object.fromEntries(
  Array.from({ length: MODULES_LIMITS.maxModules + 1 }, (_, i) => [`m${i}`, { route: `/${i}` }]),
);
const entries = Object.fromEntries(Array.from({ length: MODULES_LIMITS.maxEntries + 1 }, (_, i) => [`E${i}`, ""]));

for (const [name, annotation, message] of [
  ["text that is not JSON", "route = /", /is not valid JSON/],
  ["an empty text", "", /JSON/],
  ["an array", "[]", /not a JSON object/],
  ["null", "null", /not a JSON object/],
  ["a string", '"/"', /not a JSON object/],
  ["no module", "{}", /names no module/],
  [
    "a text that is too long",
    `{"a":{"route":"/"}}${" ".repeat(MODULES_LIMITS.maxTextLength)}`,
    /longer than 65536 characters \(65555\)/,
  ],
  ["too many modules", JSON.stringify(many), /names more than 256 modules \(257\)/],
  ["a name twice", '{"a":{"route":"/1"},"a":{"route":"/2"}}', /key "a" stands there twice/],
  ["a name twice, once escaped", '{"a":{"route":"/1"},"\\u0061":{"route":"/2"}}', /key "a" stands there twice/],
  ["a key of a module twice", '{"a":{"route":"/1","route":"/2"}}', /key "route" stands there twice/],
  ["a variable twice", '{"a":{"route":"/","environment":{"X":"1","X":"2"}}}', /key "X" stands there twice/],
  [
    "a key that changes the prototype",
    '{"a":{"route":"/","environment":{"__proto__":"1"}}}',
    /"__proto__" is not allowed/,
  ],
  ["equal routes", '{"a":{"route":"/x"},"b":{"route":"/x"}}', /modules "a" and "b" have the same route \/x/],
  ["a bad container name", '{"A_b":{"route":"/"}}', /"A_b" is not a container name/],
  ["a module that is no object", '{"web":"/"}', /module "web": .*expected object/],
  [
    "an unknown key",
    one({ allowed_host: [] }),
    /unknown key "allowed_host"; known are route, entrypoint, allowed_hosts/,
  ],
  ["a missing route", '{"web":{}}', /module "web": route: .*expected string/],
  ["a route that is no text", one({ route: 1 }), /route: .*expected string/],
  ["a route without slash", one({ route: "hello" }), /route: "hello" must start with "\/"/],
  ["an empty route", one({ route: "" }), /must start with "\/"/],
  ["dots in the middle", one({ route: "/a/.../b" }), /may have "\.\.\." only at its end/],
  ["dots twice", one({ route: "/.../..." }), /may have "\.\.\." only at its end/],
  ["a query", one({ route: "/a?b" }), /must not contain "\?" or "#"/],
  ["a fragment", one({ route: "/a#b" }), /must not contain "\?" or "#"/],
  ["white space", one({ route: "/a b" }), /must be visible ASCII/],
  ["other letters", one({ route: "/é" }), /percent-encoded/],
  ["a line break", one({ route: "/a\n" }), /must be visible ASCII/],
  ["a long route", one({ route: `/${"x".repeat(1024)}` }), /must not be longer than 1024 characters/],
  ["an empty entry point", one({ entrypoint: "" }), /entrypoint: must name an exported function/],
  ["a NUL in the entry point", one({ entrypoint: "a\0b" }), /entrypoint: must not contain a NUL/],
  ["a host without scheme", one({ allowed_hosts: ["example.com"] }), /allowed_hosts\.0: must be a URL with a scheme/],
  ["a URL without host", one({ allowed_hosts: ["data:x"] }), /allowed_hosts\.0: must be a URL/],
  ["hosts that are no list", one({ allowed_hosts: "https://a" }), /allowed_hosts: .*expected array/],
  ["too many hosts", one({ allowed_hosts: Array(257).fill("https://a") }), /allowed_hosts: .*<=256/],
  ["a concurrency of 0", one({ http_max_concurrency: 0 }), /http_max_concurrency: .*>=1/],
  ["half a connection", one({ http_max_concurrency: 1.5 }), /http_max_concurrency: .*expected int/],
  ["a variable without name", one({ environment: { "": "x" } }), /environment/],
  ["a variable with =", one({ environment: { "A=B": "x" } }), /environment/],
  ["a NUL in a value", one({ environment: { A: "\0" } }), /environment\.A: must not contain a NUL/],
  ["a value that is no text", one({ environment: { A: 1 } }), /environment\.A: .*expected string/],
  ["too many variables", one({ environment: entries }), /environment: at most 256 entries/],
  ["a long value", one({ environment: { A: "x".repeat(4097) } }), /environment\.A: .*<=4096/],
  ["a relative guest path", one({ volumes: { data: "/srv" } }), /volumes/],
  ["a relative host path", one({ volumes: { "/data": "srv" } }), /volumes\.\/data: must be an absolute path/],
  [
    "a host path that climbs",
    one({ volumes: { "/data": "/srv/../etc" } }),
    /volumes\.\/data: must be an absolute path/,
  ],
] as const) {
  test(`parseWagiModules() refuses ${name}`, () =>
    assert.throws(() => parseWagiModules(annotation), { name: "SyntaxError", message }));
}

test("parseWagiModules() throws nothing but SyntaxError, whatever it reads", () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({ route: fc.string(), environment: fc.dictionary(fc.string(), fc.string()) }),
  );
  const annotation = fc.oneof(
    fc.string(),
    fc.json(),
    fc.dictionary(fc.string(), value).map((object) => JSON.stringify(object)),
  );

  fc.assert(
    fc.property(annotation, (text) => {
      try {
        parseWagiModules(text);
      } catch (error) {
        assert.equal((error as Error).name, "SyntaxError");
      }
    }),
    { numRuns: 500 },
  );
});

test("parseWagiModules() reads back any order of routes and environments", () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const module = fc.record({
    route: fc.stringMatching(/^\/[a-z0-9.%~-]{0,12}$/).filter((route) => route !== "/..."),
    environment: fc.dictionary(
      fc.stringMatching(/^[A-Z_]{1,8}$/),
      fc.string().filter((text) => !text.includes("\0")),
    ),
  });
  const list = fc.uniqueArray(fc.tuple(name, module), {
    minLength: 1,
    maxLength: 10,
    comparator: (a, b) => a[0] === b[0] || a[1].route === b[1].route,
  });

  fc.assert(
    fc.property(list, (wanted) => {
      const text = `{${wanted.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value, null, 1)}`).join(",")}}`;
      const read = parseWagiModules(text).map(({ container, route, environment }) => [
        container,
        { route, environment },
      ]);
      assert.deepEqual(
        read,
        wanted.map(([key, value]) => [key, { ...value, environment: { ...value.environment } }]),
      );
    }),
  );
});
