import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FairQueue } from "./fair-queue.ts";

function takeAll(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
}

test("take() answers one account's work in the order it came", () => {
  const queue = new FairQueue<string>();
  const a = { weight: 100 };
  for (const item of ["1", "2", "3"]) queue.add(a, item);

  assert.deepEqual(takeAll(queue), ["1", "2", "3"]);
  assert.equal(queue.size, 0);
});

test("take() answers the account that used least for its weight", () => {
  const queue = new FairQueue<string>();
  const [heavy, light] = [{ weight: 200 }, { weight: 100 }];
  queue.charge(heavy, 30);
  queue.charge(light, 20);
  queue.add(light, "light");
  queue.add(heavy, "heavy");

  assert.deepEqual(takeAll(queue), ["heavy", "light"]);
});

test("remove() forgets work once", () => {
  const queue = new FairQueue<string>();
  const ticket = queue.add({ weight: 1 }, "x");

  assert.equal(queue.remove(ticket), true);
  assert.equal(queue.remove(ticket), false);
  assert.equal(queue.take(), undefined);
});

test("add() gives neither a newcomer nor a sleeper credit for the past", () => {
  const queue = new FairQueue<string>();
  const [old, sleeper, newcomer] = [{ weight: 1 }, { weight: 1 }, { weight: 1 }];
  queue.add(sleeper, "early");
  queue.take();
  for (let slice = 0; slice < 100; slice++) {
    queue.add(old, "old");
    queue.take();
    queue.charge(old, 10);
  }
  const shares = { old: 0, sleeper: 0, newcomer: 0 };
  for (const name of Object.keys(shares)) queue.add({ old, sleeper, newcomer }[name] ?? old, name);
  for (let slice = 0; slice < 30; slice++) {
    const name = queue.take() as keyof typeof shares;
    shares[name]++;
    queue.charge({ old, sleeper, newcomer }[name], 10);
    queue.add({ old, sleeper, newcomer }[name], name);
  }

  for (const share of Object.values(shares)) assert.ok(share >= 9 && share <= 11, JSON.stringify(shares));
});

test("charge() is nobody's loss while nobody waits", () => {
  const queue = new FairQueue<string>();
  const [quick, slow] = [{ weight: 100 }, { weight: 100 }];
  for (let run = 0; run < 1000; run++) queue.charge(quick, 1);
  queue.add(slow, "slow");
  assert.equal(queue.take(), "slow");

  queue.charge(slow, 10);
  queue.add(slow, "slow again");
  queue.add(quick, "quick");

  assert.deepEqual(takeAll(queue), ["quick", "slow again"]);
});

test("charge() is remembered for 200 ms of those who waited, however much was used", () => {
  const queue = new FairQueue<string>();
  const [greedy, other] = [{ weight: 1 }, { weight: 1 }];
  queue.add(other, "other");
  queue.charge(greedy, 10_000);
  queue.add(greedy, "greedy");

  let others = 0;
  for (; queue.take() === "other"; others++) {
    queue.charge(other, 10);
    queue.add(other, "other");
  }

  assert.ok(others >= 20 && others <= 21, `${others} slices of 10 ms`);
});

test("take() shares time by weight, whatever slices accounts take", () => {
  const property = fc.property(
    fc.array(fc.record({ weight: fc.integer({ min: 1, max: 50 }), sliceMs: fc.integer({ min: 1, max: 10 }) }), {
      minLength: 2,
      maxLength: 6,
    }),
    (accounts) => {
      const queue = new FairQueue<number>();
      const used = accounts.map(() => 0);
      for (const [index, account] of accounts.entries()) queue.add(account, index);
      for (let turn = 0; turn < 5000; turn++) {
        const index = queue.take() ?? 0;
        const account = accounts[index] as (typeof accounts)[number];
        used[index] = (used[index] ?? 0) + account.sliceMs;
        queue.charge(account, account.sliceMs);
        queue.add(account, index);
      }
      const perWeight = used.map((ms, index) => ms / (accounts[index]?.weight ?? 1));
      // Nobody is ahead by more than a slice of the account with the least weight.
      assert.ok(Math.max(...perWeight) - Math.min(...perWeight) <= 11);
    },
  );
  fc.assert(property, { numRuns: 30 });
});
