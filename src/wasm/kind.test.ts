import assert from "node:assert/strict";
import { test } from "node:test";
import { detectKind } from "./kind.ts";

for (const [bytes, kind] of [
  [[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], "module"],
  [[0x00, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], "component"],
  [[0x00, 0x61, 0x73, 0x6d, 2, 0, 0, 0], "not-wasm"],
  [[0x00, 0x61, 0x73, 0x6d, 1, 0, 2, 0], "not-wasm"],
  [[0x00, 0x61, 0x73, 0x6d, 1, 0, 0], "not-wasm"],
  [[0x00, 0x61, 0x73, 0x6d, 1, 1, 0, 0], "not-wasm"],
  [[0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0], "not-wasm"],
  [[], "not-wasm"],
] as const) {
  test(`detectKind() calls ${Buffer.from(bytes).toString("hex") || "nothing"} ${kind}`, () =>
    assert.equal(detectKind(Uint8Array.from(bytes)), kind));
}
