import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelayMs, KUBELET_BACKOFF } from "./backoff.ts";

test("backoffDelayMs() doubles from 10 s to 300 s and stays there", () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => backoffDelayMs(KUBELET_BACKOFF, failures));

  assert.deepEqual(delays, [0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
});
