import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventLoop } from "./loop-events.ts";
import { Turns } from "./turns.ts";

/** A loop that turns when told to, and a clock that moves when guests or I/O use time. */
class TestLoop implements EventLoop {
  nowMs = 0;
  eventCount = 0;
  #next: (() => void)[] = [];
  #soon: (() => void)[] = [];

  readonly clock = {
    now: () => this.nowMs,
    monotonic: () => this.nowMs,
    after: () => ({ [Symbol.dispose]: () => {} }),
  };

  nextTurn(run: () => void): void {
    this.#next.push(run);
  }

  soon(run: () => void): void {
    this.#soon.push(run);
  }

  events(): number {
    return this.eventCount;
  }

  /** One turn; finds I/O that takes `ioMs` when that is not 0. Looking takes a little time, too. */
  turn(ioMs = 0): void {
    if (ioMs > 0) this.eventCount++;
    this.nowMs += ioMs + 0.05;
    const due = this.#next;
    this.#next = [];
    for (const run of due) run();
    while (this.#soon.length > 0) this.#soon.shift()?.();
  }
}

function world() {
  const loop = new TestLoop();
  const turns = new Turns(loop.clock, 10, loop);
  const log: string[] = [];
  /** A guest that uses `ms` each time it is granted the thread. */
  const run = (account: { weight: number }, name: string, ms: number, times = 1): (() => void) =>
    turns.wait(account, () => {
      log.push(name);
      loop.nowMs += ms;
      turns.left(account, ms);
      if (times > 1) run(account, name, ms, times - 1);
    });
  return { loop, turns, log, run };
}

const A = { weight: 100 };
const B = { weight: 100 };

test("wait() grants at once when nobody waits and the turn has room", () => {
  const { log, run } = world();

  run(A, "a", 3);
  run(B, "b", 3);

  assert.deepEqual(log, ["a", "b"]);
});

test("wait() grants to one at a time", () => {
  const { loop, turns, log } = world();
  turns.wait(A, () => log.push("a is on"));
  turns.wait(B, () => log.push("b is on"));
  loop.turn();
  assert.deepEqual(log, ["a is on"]);

  turns.left(A, 1);
  loop.turn();
  assert.deepEqual(log, ["a is on", "b is on"]);
});

test("wait() bounds guest time per turn, and shares it", () => {
  const { loop, log, run } = world();
  run(A, "a", 5, 100);
  run(B, "b", 5, 100);
  loop.turn();
  log.length = 0;

  for (let turn = 1; turn <= 40; turn++) {
    loop.turn();
    assert.ok(log.length <= 3 * turn, `${log.length} slices of 5 ms in ${turn} turns`);
  }
  const share = log.filter((name) => name === "a").length / log.length;
  assert.ok(log.length >= 10 && share > 0.4 && share < 0.6, log.join());
});

test("wait() lets the loop turn as long as guests ran, while it finds I/O", () => {
  const { loop, log, run } = world();
  run(A, "a", 10, 100);
  log.length = 0;
  let ioTurns = 0;
  for (; log.length === 0; ioTurns++) loop.turn(1);

  assert.ok(ioTurns >= 10 && ioTurns <= 11, `${ioTurns} turns`);
});

test("wait() does not wait for I/O that does not come", () => {
  const { loop, log, run } = world();
  run(A, "a", 10, 100);
  log.length = 0;
  let idleTurns = 0;
  for (; log.length === 0; idleTurns++) loop.turn();

  assert.ok(idleTurns <= 6, `${idleTurns} turns`);
});

test("wait() gives clients of quick runs a moment to ask again, and no more", () => {
  const { loop, turns, log, run } = world();
  run(A, "a", 10, 100);
  loop.turn(1);
  turns.chargeQuick(B, 0.1);
  log.length = 0;
  const answeredAtMs = loop.nowMs;
  while (log.length === 0) loop.turn();

  const quietMs = loop.nowMs - 10 - answeredAtMs;
  assert.ok(quietMs >= 1 && quietMs <= 1.2, `${quietMs} ms`);
});

test("wait() lets I/O come first for two turns' guest time at most, however long a guest stayed", () => {
  const { loop, log, run } = world();
  run(A, "a", 500, 2);
  log.length = 0;
  let ioTurns = 0;
  for (; log.length === 0; ioTurns++) loop.turn(1);

  assert.ok(ioTurns >= 19 && ioTurns <= 21, `${ioTurns} turns`);
});

test("wait() lets nobody on in the turn that a run took which was expected to be quick, and lets I/O come first", () => {
  const { loop, turns, log, run } = world();
  turns.chargeQuick(B, 12);
  run(A, "a", 5);
  assert.deepEqual(log, []);

  let ioTurns = 0;
  for (; log.length === 0; ioTurns++) loop.turn(1);

  assert.ok(ioTurns >= 11 && ioTurns <= 14, `${ioTurns} turns`);
});

test("wait() answers how to give up", () => {
  const { loop, log, run } = world();
  run(A, "a", 10);
  const giveUp = run(B, "b", 1);

  giveUp();
  for (let turn = 0; turn < 5; turn++) loop.turn();

  assert.deepEqual(log, ["a"]);
});

test("chargeQuick() leaves room for quick runs right after a slice", () => {
  const { loop, turns, log, run } = world();
  run(A, "a", 10, 2);
  loop.turn(1);

  assert.deepEqual(log, ["a"]);
  assert.equal(turns.hasRoom, true);
});

test("chargeQuick() fills the turn, and the next one has room again", () => {
  const { loop, turns } = world();
  for (let run = 0; run < 40; run++) turns.chargeQuick(A, 0.25);
  assert.equal(turns.hasRoom, false);
  assert.equal(turns.quickMs, 10);

  loop.turn();

  assert.equal(turns.hasRoom, true);
});
