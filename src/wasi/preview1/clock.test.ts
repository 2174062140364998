import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../../base/index.ts";
import { TestGuest } from "../testing/guest.ts";
import { ClockId } from "./clock.ts";
import { Errno } from "./errno.ts";

const RESULT = 0;

function timeOf(guest: TestGuest, clock: number): bigint {
  assert.equal(guest.call("clock_time_get", clock, 1n, RESULT), Errno.SUCCESS);
  return guest.view.getBigUint64(RESULT, true);
}

test("clock_time_get() tells the clock's time in nanoseconds", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  using guest = new TestGuest({ clock });
  await clock.advance(1234.5);

  assert.equal(timeOf(guest, ClockId.MONOTONIC), 1_234_500_000n);
  assert.equal(timeOf(guest, ClockId.REALTIME) / 1_000_000n, BigInt(Math.round(Date.UTC(2026, 0, 1) + 1234.5)));
});

test("clock_time_get() of the processor clocks counts this thread's time, which never goes back", () => {
  using guest = new TestGuest({ clock: new FakeClock() });
  for (const clock of [ClockId.PROCESS_CPU, ClockId.THREAD_CPU]) {
    const first = timeOf(guest, clock);
    assert.ok(first > 0n);
    assert.ok(timeOf(guest, clock) >= first);
  }
});

test("clock_res_get() tells the smallest step", () => {
  using guest = new TestGuest();
  const steps = [ClockId.REALTIME, ClockId.MONOTONIC, ClockId.PROCESS_CPU, ClockId.THREAD_CPU].map((clock) => {
    assert.equal(guest.call("clock_res_get", clock, RESULT), Errno.SUCCESS);
    return guest.view.getBigUint64(RESULT, true);
  });

  assert.deepEqual(steps, [1_000_000n, 1000n, 1000n, 1000n]);
});

test("clock functions return INVAL for a clock that does not exist and FAULT outside the memory", () => {
  using guest = new TestGuest();
  const { end } = guest;
  for (const clock of [4, 100, -1]) {
    assert.equal(guest.call("clock_time_get", clock, 0n, RESULT), Errno.INVAL);
    assert.equal(guest.call("clock_res_get", clock, RESULT), Errno.INVAL);
  }
  assert.equal(guest.call("clock_time_get", 0, 0n, end - 8), Errno.SUCCESS);
  assert.equal(guest.call("clock_res_get", 0, end - 8), Errno.SUCCESS);
  assert.equal(guest.call("clock_time_get", 0, 0n, end - 7), Errno.FAULT);
  assert.equal(guest.call("clock_res_get", 0, end - 7), Errno.FAULT);
  assert.equal(guest.call("clock_time_get", 0, 0n, -8), Errno.FAULT);
});
