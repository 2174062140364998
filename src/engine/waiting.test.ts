import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/index.ts";
import { createEpoch } from "./epoch/epoch.ts";
import { startTicker } from "./epoch/ticker.ts";
import { invocation, prepare, testEngine } from "./testing/fixture.ts";

/** Sleeps 20 ms by poll_oneoff: one relative subscription of the monotonic clock at 0, its event at 64. */
const SLEEPER = `(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "nothing"))
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 20000000))
    (if (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)) (then unreachable))
    (if (i32.ne (i32.load (i32.const 128)) (i32.const 1)) (then unreachable))
    (if (i32.load16_u (i32.const 72)) (then unreachable))))`;

test("a guest that waits in the fast lane is moved to where it can, and sleeps its time there", async () => {
  const { memory } = createEpoch();
  await using _ticker = startTicker(memory);
  // The clock's timers alone keep no process alive.
  const alive = setInterval(() => {}, 1000);
  await using engine = testEngine({ epoch: memory });
  const guest = engine.load(prepare(SLEEPER));
  for (let run = 0; run < 50; run += 1) await guest.run(invocation({ entrypoint: "nothing" }));

  const startedAt = systemClock.monotonic();
  const outcomes = await Promise.all(Array.from({ length: 8 }, async () => guest.run(invocation())));
  const tookMs = systemClock.monotonic() - startedAt;
  clearInterval(alive);

  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    Array.from({ length: 8 }, () => "exited"),
  );
  assert.ok(tookMs >= 19.5, `${tookMs} ms`);
});
