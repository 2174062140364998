import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuantity } from "./quantity.ts";

for (const [text, value] of [
  ["0", 0],
  ["500m", 0.5],
  ["2", 2],
  [".5", 0.5],
  ["1.5", 1.5],
  ["64Mi", 67_108_864],
  ["1G", 1_000_000_000],
  ["128974848", 128_974_848],
  ["129e6", 129_000_000],
  ["1E", 1e18],
] as const) {
  test(`parseQuantity() reads ${text}`, () => assert.equal(parseQuantity(text), value));
}

for (const text of ["", "Mi", "1 Mi", "1mi", "1KiB", "one", "1e", "--1"]) {
  test(`parseQuantity() refuses "${text}"`, () => assert.throws(() => parseQuantity(text), SyntaxError));
}
