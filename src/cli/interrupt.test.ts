import assert from "node:assert/strict";
import { test } from "node:test";
import { createInterrupt } from "./interrupt.ts";

function world() {
  const now = { ms: 5000 };
  let ends = 0;
  const interrupt = createInterrupt({ monotonic: () => now.ms }, () => void (ends += 1));
  return { now, interrupt, ends: () => ends };
}

test("the first interruption aborts with its name and ends nothing", () => {
  const { interrupt, ends } = world();
  assert.equal(interrupt.signal.aborted, false);

  interrupt.receive("SIGINT");

  assert.equal(interrupt.signal.aborted, true);
  assert.match(String(interrupt.signal.reason), /SIGINT received/);
  assert.equal(ends(), 0);
});

for (const [afterMs, expected] of [
  [0, 0],
  [299, 0],
  [300, 1],
  [60_000, 1],
] as const) {
  test(`a second one after ${afterMs} ms ends the process ${expected} times`, () => {
    const { now, interrupt, ends } = world();
    interrupt.receive("SIGINT");

    now.ms += afterMs;
    interrupt.receive("SIGINT");

    assert.equal(ends(), expected);
  });
}
