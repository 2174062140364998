// A few functions in each lane: what the core suite (core-suite.full.ts) shows at length, always.
import assert from "node:assert/strict";
import { test } from "node:test";
import { instrumentedLane, plainLane } from "./lanes.ts";
import { wat } from "./wat.ts";

const FUNCTIONS = wat(`(module
  (memory 1) (table 2 funcref) (elem (i32.const 0) func $fib) (tag $e (param i32)) (global $started (mut i32) (i32.const 0))
  (func $start (global.set $started (i32.const 1))) (start $start)
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call_indirect (param i32) (result i32) (i32.sub (local.get 0) (i32.const 2)) (i32.const 0))))))
  (func (export "sum") (param i32) (result i32) (local i32)
    (loop $again
      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0)))
    (i32.load (i32.const 8)))
  (func $throw (param i32) (if (local.get 0) (then (throw $e (local.get 0)))))
  (func (export "catch") (param i32) (result i32)
    (try (result i32) (do (call $throw (local.get 0)) (i32.const -1)) (catch $e)))
  (func (export "trap") (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 0)))
  (func (export "beyond") (param i32) (result i32) (i32.load (i32.mul (local.get 0) (i32.const 65536))))
  (func (export "deep") (param i32) (result i32) (call $fib (i32.const 3)) (drop) (call $deep (local.get 0)))
  (func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
  (func (export "started") (param i32) (result i32) (global.get $started)))`);

const CALLS = [
  ["started", 0],
  ["fib", 12],
  ["sum", 100],
  ["catch", 0],
  ["catch", 7],
  ["trap", 1],
  ["beyond", 0],
  ["beyond", 1],
  ["deep", 0],
] as const;

for (const mode of ["quiet", "firing", "suspending"] as const) {
  test(`instrumented functions do what they did when checks are ${mode}`, async () => {
    const [plain, instrumented] = [plainLane(), instrumentedLane(mode)];
    const [before, after] = await Promise.all([
      plain.instantiate(FUNCTIONS, {}),
      instrumented.instantiate(FUNCTIONS, {}),
    ]);

    for (const [name, argument] of CALLS) {
      const expected = await outcome(() => plain.call(before.exports[name] as Function, [argument]));
      assert.equal(await outcome(() => instrumented.call(after.exports[name] as Function, [argument])), expected);
    }
    assert.deepEqual(instrumented.counts.refused, 0);
    assert.equal(instrumented.counts.overruns > 500, mode !== "quiet");
  });
}

async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return String(error);
  }
}
