import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProcessLimits, PROCESS_LIMITS } from "./process-limits.ts";

test("parseProcessLimits() puts each limit where the shim looks for it, in its unit", () => {
  const settings = parseProcessLimits([
    ["http.header-timeout", "2s"],
    ["http.connections", "10"],
    ["outbound.response-body", "1Mi"],
    ["wasi.open-files", "8"],
    ["process.instances", "100"],
  ]);

  assert.deepEqual(settings, {
    http: { headerTimeoutMs: 2000, maxConnections: 10 },
    outbound: { maxResponseBytes: 1024 * 1024 },
    wasi: { openFiles: 8 },
    maxInstances: 100,
  });
});

for (const [name, text, message] of [
  ["an unknown name", ["http.conections", "1"], /no limit "http\.conections"; there are http\.request-line/],
  ["a value in another unit", ["http.idle-timeout", "5"], /Limit http\.idle-timeout: Give a number and a unit/],
  ["zero", ["wasi.open-files", "0"], /Limit wasi\.open-files: Give a whole number of at least 1/],
] as const) {
  test(`parseProcessLimits() refuses ${name}`, () => {
    assert.throws(() => parseProcessLimits([text]), message);
  });
}

test("every limit can be set alone", () => {
  const values = { duration: "1s", bytes: "1Ki", count: "1" } as const;

  for (const [name, { unit }] of Object.entries(PROCESS_LIMITS)) {
    const settings = parseProcessLimits([[name, values[unit]]]);
    assert.match(JSON.stringify(settings), /:(1|1000|1024)\}/, name);
  }
});
