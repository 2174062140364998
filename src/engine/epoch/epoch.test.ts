import assert from "node:assert/strict";
import { test } from "node:test";
import { createEpoch, EPOCH_WORD, EpochLease } from "./epoch.ts";
import { startTicker } from "./ticker.ts";
import { TickerLoop } from "./ticker-loop.ts";

function world() {
  const { memory } = createEpoch();
  const words = new Int32Array(memory.buffer);
  let nowMs = 0;
  const loop = new TickerLoop(words, () => nowMs);
  const pass = (ms: number) => {
    nowMs += ms;
    loop.step();
  };
  return { memory, words, pass, epoch: () => Atomics.load(words, EPOCH_WORD.now) };
}

test("TickerLoop counts whole milliseconds while a lease runs", () => {
  const { memory, pass, epoch } = world();
  new EpochLease(memory).renew();

  pass(0.6);
  assert.equal(epoch(), 0);
  pass(0.6);
  assert.equal(epoch(), 1);
  pass(40.9);
  assert.equal(epoch(), 42);
});

test("EpochLease.renew() extends a lease only when half of it is over", () => {
  const { memory, words, pass } = world();
  const lease = new EpochLease(memory);
  lease.renew();
  const first = Atomics.load(words, EPOCH_WORD.lease);

  pass(40);
  assert.equal(lease.renew(), 40);
  assert.equal(Atomics.load(words, EPOCH_WORD.lease), first);

  pass(20);
  lease.renew();
  assert.equal(Atomics.load(words, EPOCH_WORD.lease), 160);
});

test("EpochLease.renew() wakes a ticker that is asleep", () => {
  const { memory, words } = world();
  Atomics.store(words, EPOCH_WORD.asleep, 1);

  new EpochLease(memory).renew();

  assert.equal(Atomics.load(words, EPOCH_WORD.asleep), 0);
});

test("EpochLease.renew() leases from an epoch that has wrapped", () => {
  const { memory, words, pass, epoch } = world();
  Atomics.store(words, EPOCH_WORD.now, 0x7fff_fff0);
  new EpochLease(memory).renew();

  pass(50);

  assert.equal(epoch(), -0x8000_0000 + 34);
  assert.equal(Atomics.load(words, EPOCH_WORD.lease), -0x8000_0000 + 84);
});

test("startTicker() counts while a lease runs, sleeps after it, and counts again", async () => {
  const { memory, buffer } = createEpoch();
  await using _ = startTicker(memory);
  const words = new Int32Array(buffer);
  const lease = new EpochLease(memory);

  for (const reached of [50, 150]) {
    await until(() => {
      if (Atomics.load(words, EPOCH_WORD.now) < reached) lease.renew();
      return Atomics.load(words, EPOCH_WORD.now) >= reached;
    });
    await until(() => Atomics.load(words, EPOCH_WORD.asleep) === 1);
  }
});

/** Resolves once `condition` holds; fails after 10 s. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < end, "did not happen within 10 s");
    await new Promise((resolve) => void setImmediate(resolve));
  }
}
