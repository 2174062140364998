import assert from "node:assert/strict";
import { test } from "node:test";
import type { Strategy } from "./memory-restorer.ts";
import { StrategyTrial } from "./strategy-trial.ts";

/** Feeds a trial until it has decided. */
function decide(trial: StrategyTrial, cost: (strategy: Strategy, run: number) => number): Strategy {
  for (let run = 0; run < 1000 && !trial.isDecided; run++) trial.note(trial.current, cost(trial.current, run));
  assert.ok(trial.isDecided);
  return trial.current;
}

test("StrategyTrial knows without measuring where there is nothing to choose", () => {
  const cases: readonly (readonly [pages: number, canMap: boolean, Strategy])[] = [
    [0, true, "copy"],
    [257, true, "cow"],
    [1, false, "copy"],
    [40, false, "copy"],
    [41, false, "fresh"],
  ];
  for (const [pages, canMap, expected] of cases) {
    const trial = new StrategyTrial(pages, { canMap });
    assert.deepEqual([trial.isDecided, trial.current, trial.best], [true, expected, expected], `${pages} pages`);
  }
  assert.equal(new StrategyTrial(2, { canMap: true, forced: "fresh" }).current, "fresh");
});

test("StrategyTrial expects copying up to 8 pages", () => {
  assert.equal(new StrategyTrial(8, { canMap: true }).best, "copy");
  assert.equal(new StrategyTrial(9, { canMap: true }).best, "cow");
});

test("StrategyTrial keeps the cheaper one", () => {
  assert.equal(
    decide(new StrategyTrial(2, { canMap: true }), (s) => (s === "copy" ? 2 : 5)),
    "copy",
  );
  assert.equal(
    decide(new StrategyTrial(2, { canMap: true }), (s) => (s === "copy" ? 5 : 2)),
    "cow",
  );
  assert.equal(
    decide(new StrategyTrial(17, { canMap: true }), (s) => (s === "copy" ? 2 : 5)),
    "copy",
  );
});

test("StrategyTrial keeps the expected one when they cost about the same", () => {
  assert.equal(
    decide(new StrategyTrial(2, { canMap: true }), (s) => (s === "copy" ? 5 : 4.8)),
    "copy",
  );
});

test("StrategyTrial is not misled by first runs that compile, nor by interrupted ones", () => {
  const compiling = (strategy: Strategy, run: number) => (run < 16 ? 500 : 0) + (strategy === "copy" ? 2 : 5);
  assert.equal(decide(new StrategyTrial(2, { canMap: true }), compiling), "copy");

  const interrupted = (strategy: Strategy, run: number) => (run % 2 === 0 ? 90 : strategy === "copy" ? 2 : 5);
  assert.equal(decide(new StrategyTrial(2, { canMap: true }), interrupted), "copy");
});

test("StrategyTrial ignores runs by another strategy", () => {
  const trial = new StrategyTrial(2, { canMap: true });
  for (let run = 0; run < 100; run++) trial.note("fresh", 1);
  assert.equal(trial.isDecided, false);
});
