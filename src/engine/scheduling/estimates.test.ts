import assert from "node:assert/strict";
import { test } from "node:test";
import { RunEstimate } from "./run-estimate.ts";
import { TIMED_SLICES } from "./slice-policy.ts";
import { TimeBudget } from "./time-budget.ts";

test("RunEstimate expects quick runs of an unknown guest", () => {
  assert.equal(new RunEstimate().expectedMs(1e9), 0);
});

test("RunEstimate learns slow runs and forgets them within some dozens of quick ones", () => {
  const estimate = new RunEstimate();
  estimate.note(30_000, false, 0);
  assert.ok(estimate.expectedMs(0) > 8);

  let runs = 0;
  for (; estimate.expectedMs(0) > 1; runs++) estimate.note(0.01, false, 0);

  assert.ok(runs < 30, `${runs} runs`);
});

test("RunEstimate takes no guest for slow after one run that lost the processor", () => {
  const estimate = new RunEstimate();
  for (let run = 0; run < 1000; run++) estimate.note(run % 10 === 0 ? 9.9 : 0.01, false, 0);
  estimate.note(9.9, false, 0);

  assert.ok(estimate.expectedMs(0) < 1, `${estimate.expectedMs(0)} ms`);
});

test("RunEstimate believes short runs that take long one after another", () => {
  const estimate = new RunEstimate();
  estimate.note(0.01, false, 0);
  let runs = 0;
  for (; estimate.expectedMs(0) < 1; runs++) estimate.note(9, false, 0);
  assert.ok(runs <= 3, `${runs} runs`);

  for (; estimate.expectedMs(0) < 8; runs++) estimate.note(9, false, 0);

  assert.ok(runs <= 12, `${runs} runs`);
});

test("RunEstimate forgets with time", () => {
  const estimate = new RunEstimate();
  for (let run = 0; run < 50; run++) estimate.note(1000, true, 0);
  assert.equal(estimate.isLikelyToWait(0), true);

  assert.ok(estimate.expectedMs(60_000) < 0.1);
  assert.equal(estimate.isLikelyToWait(60_000), false);
});

test("RunEstimate expects waiting when most runs waited", () => {
  const estimate = new RunEstimate();
  for (let run = 0; run < 40; run++) estimate.note(0.1, run % 4 === 0, 0);
  assert.equal(estimate.isLikelyToWait(0), false);
  for (let run = 0; run < 40; run++) estimate.note(0.1, run % 4 !== 0, 0);
  assert.equal(estimate.isLikelyToWait(0), true);
});

test("TimeBudget is gone after its burst and refills with time, up to the burst", () => {
  const budget = new TimeBudget(50, 10);
  budget.spend(60, 0);
  assert.equal(budget.hasLeft(900), false);
  assert.equal(budget.hasLeft(1100), true);

  budget.spend(49, 1e6);
  assert.equal(budget.hasLeft(1e6), true);
  budget.spend(2, 1e6);
  assert.equal(budget.hasLeft(1e6), false);
});

test("TIMED_SLICES allows whole milliseconds, never less than none, and wraps with the epoch", () => {
  assert.equal(TIMED_SLICES.until(100, 2.5), 103);
  assert.equal(TIMED_SLICES.until(100, -7), 100);
  assert.equal(TIMED_SLICES.until(0x7fff_ffff, 10), -0x8000_0000 + 9);
  assert.deepEqual([TIMED_SLICES.isOver(9.9, 10), TIMED_SLICES.isOver(10, 10)], [false, true]);
});
