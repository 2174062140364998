import assert from "node:assert/strict";
import { test } from "node:test";
import { sleep } from "./clock.ts";
import { FakeClock } from "./fake-clock.ts";

test("sleep() resolves when its time has come and not before", async () => {
  const clock = new FakeClock();
  let woken = false;
  const sleeping = sleep(clock, 100).then(() => (woken = true));

  await clock.advance(99);
  assert.equal(woken, false);
  await clock.advance(1);
  await sleeping;
  assert.equal(woken, true);
});

test("sleep() rejects with the reason of an abort and cancels its timer", async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const sleeping = sleep(clock, 100, abort.signal);

  abort.abort(new Error("stopped"));

  await assert.rejects(sleeping, /stopped/);
  assert.equal(clock.nextTimerMs, undefined);
});

test("FakeClock.advance() fires timers in order and moves both times", async () => {
  const clock = new FakeClock(1000);
  const fired: number[] = [];
  clock.after(20, () => fired.push(clock.now()));
  clock.after(10, () => fired.push(clock.now()));

  await clock.advance(30);

  assert.deepEqual(fired, [1010, 1020]);
  assert.equal(clock.monotonic(), 30);
});
