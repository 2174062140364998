import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/index.ts";
import { createEngine, type EngineOptions } from "./engine.ts";
import { createEpoch } from "./epoch/epoch.ts";
import { startTicker } from "./epoch/ticker.ts";
import { DEFAULT_GUEST_LIMITS, type HostModule, type Outcome } from "./guest.ts";
import { UnusableModuleError } from "./instance/unusable-module-error.ts";
import { account, invocation, prepare, testEngine, testModules } from "./testing/fixture.ts";

const NOTHING = `(module (func (export "_start")))`;
const SPINNER = `(module (func (export "_start") (loop $l (br $l))))`;
const NAP = `(import "test-wait" "nap" (func $nap (result i32)))`;
const NAPPER = `(module ${NAP} (func (export "_start") (drop (call $nap))))`;

/** An outcome without its time. */
async function outcomeOf(outcome: Outcome | Promise<Outcome>): Promise<unknown> {
  const { cpuMs, ...rest } = { cpuMs: 0, ...(await outcome) };
  assert.ok(cpuMs >= 0);
  return rest;
}

/** An engine with a ticker that counts its epoch. */
function tickingEngine(options: Partial<EngineOptions> = {}) {
  const { memory } = createEpoch();
  const ticker = startTicker(memory);
  const engine = createEngine({ epoch: memory, clock: systemClock, hostModules: testModules, ...options });
  return {
    engine,
    [Symbol.asyncDispose]: async () => {
      await engine.close();
      await ticker.close();
    },
  };
}

test("run() answers at once when a guest ends within its first slice", async () => {
  await using engine = testEngine();
  const guest = engine.load(prepare(NOTHING));

  const outcome = guest.run(invocation());

  assert.ok(!(outcome instanceof Promise));
  assert.equal(outcome.kind, "exited");
});

test("run() tells how a run ended", async () => {
  await using engine = testEngine();
  const exit = `(import "test" "exit" (func $exit (param i32)))`;
  const cases: readonly (readonly [fields: string, body: string, outcome: object])[] = [
    ["", "", { kind: "exited", code: 0 }],
    [exit, "(call $exit (i32.const 0))", { kind: "exited", code: 0 }],
    [exit, "(call $exit (i32.const 7))", { kind: "exited", code: 7 }],
    [exit, "(try (do (call $exit (i32.const 7))) (catch_all))", { kind: "exited", code: 7 }],
    ["", "unreachable", { kind: "trapped", message: "unreachable", outOfMemory: false }],
    [
      "(memory 1)",
      "(drop (i32.load (i32.const -4)))",
      { kind: "trapped", message: "memory access out of bounds", outOfMemory: false },
    ],
    ["", "(call $start)", { kind: "trapped", message: "call stack exhausted", outOfMemory: false }],
    ["(tag $t)", "(throw $t)", { kind: "trapped", message: "uncaught exception", outOfMemory: false }],
  ];
  for (const live of [false, true]) {
    for (const [fields, body, expected] of cases) {
      const guest = engine.load(prepare(`(module ${fields} (func $start (export "_start") ${body}))`));
      assert.deepEqual(await outcomeOf(guest.run(invocation({ live }))), expected, `${body}, live ${live}`);
    }
  }
});

test("run() tells memory that was refused before a trap or a failing exit", async () => {
  await using engine = testEngine();
  const limits = { ...DEFAULT_GUEST_LIMITS, memoryBytes: 3 * 65_536 };
  const cases: readonly (readonly [grow: number, end: string, outcome: object])[] = [
    [2, "unreachable", { kind: "trapped", message: "unreachable", outOfMemory: false }],
    [3, "unreachable", { kind: "trapped", message: "unreachable", outOfMemory: true }],
    [3, "(call $exit (i32.const 1))", { kind: "exited", code: 1, outOfMemory: true }],
    [3, "(call $exit (i32.const 0))", { kind: "exited", code: 0 }],
  ];
  for (const [grow, end, expected] of cases) {
    const source = `(module (import "test" "exit" (func $exit (param i32))) (memory 1)
      (func (export "_start") (drop (memory.grow (i32.const ${grow}))) ${end}))`;
    const guest = engine.load(prepare(source), limits);
    for (let run = 0; run < 2; run++) assert.deepEqual(await outcomeOf(guest.run(invocation())), expected);
  }
});

test("run() answers what cannot be called", async () => {
  await using engine = testEngine();
  const cases: readonly (readonly [source: string, message: RegExp])[] = [
    [`(module (func (export "other")))`, /exports no function "_start"/],
    [`(module (func (export "_start") (param i32)))`, /"_start" takes 1 parameters, not none/],
    [
      `(module (memory 1) (data (i32.const 65536) "x") (func (export "_start")))`,
      /cannot be instantiated: .*data segment/,
    ],
    [
      `(module (import "test" "none" (func)) (func (export "_start")))`,
      /imports "none" from "test", which it does not/,
    ],
  ];
  for (const [source, message] of cases) {
    const guest = engine.load(prepare(source));
    for (const live of [false, true]) {
      const outcome = await guest.run(invocation({ live }));
      assert.equal(outcome.kind, "unusable");
      assert.match(outcome.kind === "unusable" ? outcome.message : "", message);
    }
  }
  assert.equal(engine.counts().runs, 0);
});

test("run() goes on with others after one that cannot be called had its turn", async () => {
  // No run counts as quick, so each waits for its turn.
  await using engine = testEngine({ settings: { quickMs: 0 } });
  const unusable = engine.load(prepare(`(module)`));
  const guest = engine.load(prepare(NOTHING));

  const kinds = [(await unusable.run(invocation())).kind, (await guest.run(invocation())).kind];

  assert.deepEqual(kinds, ["unusable", "exited"]);
});

test("load() throws for what no invocation could run", async () => {
  await using engine = testEngine();
  const cases: readonly (readonly [source: string, message: RegExp])[] = [
    [`(module (import "env" "f" (func)) )`, /imports "f" from "env", which this runtime does not offer/],
    [`(module (import "test" "t" (table 1 funcref)))`, /imports "t" from "test", a table; only functions/],
    [`(module (memory 5000))`, /needs 327680000 bytes of memory, more than its limit of 268435456; raise/],
  ];
  for (const [source, message] of cases) {
    assert.throws(
      () => engine.load(prepare(source)),
      (error) => error instanceof UnusableModuleError && message.test(error.message),
      source,
    );
  }
  assert.deepEqual(engine.counts(), { instances: 0, runs: 0 });
});

test("run() calls the start function, and _initialize of a reactor, before the entry point", async () => {
  await using engine = testEngine();
  const source = `(module (global $n (mut i32) (i32.const 1))
    (func $init (global.set $n (i32.add (global.get $n) (i32.const 1)))) (start $init)
    (func (export "_initialize") (global.set $n (i32.mul (global.get $n) (i32.const 10))))
    (func (export "handle") (if (i32.ne (global.get $n) (i32.const 20)) (then unreachable)))
    (func (export "_start") (if (i32.ne (global.get $n) (i32.const 2)) (then unreachable))))`;
  const guest = engine.load(prepare(source));
  for (const entrypoint of ["handle", "_start"]) {
    for (const live of [false, true, false]) {
      assert.deepEqual(await outcomeOf(guest.run(invocation({ entrypoint, live }))), { kind: "exited", code: 0 });
    }
  }
});

test("run() stops a spinning guest at its deadline, in either lane, and goes on with others", async () => {
  await using world = tickingEngine();
  const spinner = world.engine.load(prepare(SPINNER));
  const quick = world.engine.load(prepare(NOTHING));
  for (const afterMs of [4, 60]) {
    const deadlineMs = performance.now() + afterMs;
    const outcome = await outcomeOf(spinner.run(invocation({ deadlineMs })));
    assert.deepEqual(outcome, { kind: "stopped", reason: "deadline" });
    assert.ok(performance.now() >= deadlineMs);
  }
  assert.deepEqual(await outcomeOf(quick.run(invocation())), { kind: "exited", code: 0 });
});

test("run() answers nothing but the deadline once it has passed", async () => {
  await using engine = testEngine();
  const guest = engine.load(prepare(NOTHING));
  const outcome = guest.run(invocation({ deadlineMs: performance.now() - 1 }));
  assert.deepEqual(outcome, { kind: "stopped", reason: "deadline", cpuMs: 0 });
});

test("run() shares the thread between spinning guests and others, and charges their accounts", async () => {
  await using world = tickingEngine();
  const spinner = world.engine.load(prepare(SPINNER));
  const quick = world.engine.load(prepare(NOTHING));
  const [one, two] = [account("one"), account("two")];
  const deadlineMs = performance.now() + 300;
  const spinning = [one, two].map((each) => spinner.run(invocation({ account: each, deadlineMs })));
  let served = 0;
  while (performance.now() < deadlineMs - 20) {
    await quick.run(invocation());
    served++;
    await new Promise((resolve) => void setImmediate(resolve));
  }
  for (const run of spinning) {
    const outcome = await run;
    assert.equal(outcome.kind, "stopped");
    assert.ok(outcome.kind === "stopped" && outcome.cpuMs > 30, JSON.stringify(outcome));
  }
  assert.ok(served > 5, `${served} other runs`);
  // Guest time is the thread's monotonic time, so a slice during which the machine gave the core away counts in full.
  const [less, more] = [one.cpuMs, two.cpuMs].toSorted((a, b) => a - b) as [number, number];
  assert.ok(less >= more * 0.4, `${one.cpuMs} and ${two.cpuMs} ms`);
});

test("run() refuses what is more than concurrency and queue, and starts the others as places get free", async () => {
  await using engine = testEngine();
  const guest = engine.load(prepare(NAPPER), { ...DEFAULT_GUEST_LIMITS, concurrency: 2, queue: 3 });

  const outcomes = await Promise.all(Array.from({ length: 7 }, () => outcomeOf(guest.run(invocation()))));

  const exited = { kind: "exited", code: 0 };
  const busy = { kind: "busy" };
  assert.deepEqual(outcomes, [exited, exited, exited, exited, exited, busy, busy]);
  assert.deepEqual(engine.counts().runs, 0);
});

test("run() ends waiting runs at their deadline", async () => {
  const never: HostModule = {
    name: "never",
    suspending: new Set(["wait"]),
    instantiate: () => ({ wait: () => new Promise(() => {}) }),
  };
  await using engine = testEngine({ hostModules: [never] });
  const source = `(module (import "never" "wait" (func $wait (result i32))) (func (export "_start") (drop (call $wait))))`;
  const guest = engine.load(prepare(source), { ...DEFAULT_GUEST_LIMITS, concurrency: 1, queue: 1 });
  const deadlineMs = performance.now() + 20;

  const outcomes = await Promise.all([1, 2].map(() => outcomeOf(guest.run(invocation({ deadlineMs })))));

  assert.deepEqual(outcomes, [
    { kind: "stopped", reason: "deadline" },
    { kind: "stopped", reason: "deadline" },
  ]);
});

test("HostInstance.signal() is aborted when the run ends", async () => {
  const signals: AbortSignal[] = [];
  const watching: HostModule = {
    name: "watch",
    suspending: new Set(["wait"]),
    instantiate: (instance) => ({
      wait: () => {
        signals.push(instance.signal());
        return new Promise(() => {});
      },
      look: () => void signals.push(instance.signal()) as unknown as number,
    }),
  };
  await using engine = testEngine({ hostModules: [watching] });
  const waiter = `(module (import "watch" "wait" (func $wait (result i32))) (func (export "_start") (drop (call $wait))))`;
  const looker = `(module (import "watch" "look" (func $look (result i32))) (func (export "_start") (drop (call $look))))`;
  await engine.load(prepare(waiter)).run(invocation({ deadlineMs: performance.now() + 10 }));
  await engine.load(prepare(looker)).run(invocation());

  assert.deepEqual(
    signals.map((signal) => signal.aborted),
    [true, true],
  );
});

test("close() ends runs with stopped: closed and frees every instance", async () => {
  const engine = testEngine();
  const guest = engine.load(prepare(NAPPER), { ...DEFAULT_GUEST_LIMITS, concurrency: 1 });
  const runs = [1, 2].map(() => outcomeOf(guest.run(invocation())));

  await guest.close();

  const closed = { kind: "stopped", reason: "closed" };
  assert.deepEqual(await Promise.all(runs), [closed, closed]);
  assert.deepEqual(await outcomeOf(guest.run(invocation())), closed);
  assert.deepEqual(engine.counts(), { instances: 0, runs: 0 });
  await engine.close();
});

test("load() shares instances between guests with the same module and memory limit", async () => {
  await using engine = testEngine();
  const prepared = prepare(NOTHING);
  const guests = Array.from({ length: 20 }, () => engine.load(prepared));
  for (const guest of guests) void guest.run(invocation());
  assert.equal(engine.counts().instances, 1);

  await guests.pop()?.close();
  assert.equal(engine.counts().instances, 1);
  void engine.load(prepared, { ...DEFAULT_GUEST_LIMITS, memoryBytes: 65_536 }).run(invocation());
  assert.equal(engine.counts().instances, 2);
});

test("run() keeps to maxInstances: takes idle ones from other guests, and lets runs wait for one", async () => {
  await using engine = testEngine({ settings: { maxInstances: 2, turnMs: 10_000 } });
  for (let module = 0; module < 5; module++) void engine.load(prepare(NOTHING)).run(invocation());
  assert.equal(engine.counts().instances, 2);

  const nappers = [engine.load(prepare(NAPPER)), engine.load(prepare(NAPPER))];
  const runs = Array.from({ length: 12 }, (_, index) => nappers[index % 2]?.run(invocation()));
  assert.ok(engine.counts().instances <= 2);
  for (const run of runs) assert.equal((await run)?.kind, "exited");
  assert.ok(engine.counts().instances <= 2);
});

test("run() waiting for an instance can be stopped", async () => {
  const engine = testEngine({ settings: { maxInstances: 1 } });
  const [first, second] = [engine.load(prepare(NAPPER)), engine.load(prepare(NAPPER))];
  const running = first.run(invocation());
  const starved = outcomeOf(second.run(invocation()));
  await second.close();
  assert.deepEqual(await starved, { kind: "stopped", reason: "closed" });
  assert.equal((await running).kind, "exited");
  await engine.close();
});

test("createEngine() gives idle instances back after idleMs", async () => {
  const timers: (() => void)[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    monotonic: () => now,
    after: (_: number, run: () => void) => {
      timers.push(run);
      return { [Symbol.dispose]: () => {} };
    },
  };
  await using engine = testEngine({ clock, settings: { idleMs: 1000 } });
  const guest = engine.load(prepare(NOTHING));
  void guest.run(invocation());

  now = 900;
  timers.pop()?.();
  assert.equal(engine.counts().instances, 1);
  now = 1100;
  timers.pop()?.();
  assert.equal(engine.counts().instances, 0);
  assert.deepEqual(await outcomeOf(guest.run(invocation())), { kind: "exited", code: 0 });
});

test("run() discards an instance that has grown beyond what is kept", async () => {
  await using engine = testEngine({ settings: { keptGrowthBytes: 2 * 65_536 } });
  const grower = (pages: number) =>
    engine.load(prepare(`(module (memory 1) (func (export "_start") (drop (memory.grow (i32.const ${pages})))))`));
  void grower(2).run(invocation());
  assert.equal(engine.counts().instances, 1);
  void grower(3).run(invocation());
  assert.equal(engine.counts().instances, 1);
});

test("run() uses a fresh instance each time where state cannot be put back", async () => {
  await using engine = testEngine();
  const source = `(module (global $g (mut f32) (f32.const nan:0x200001))
    (func (export "_start") (if (i32.ne (i32.reinterpret_f32 (global.get $g)) (i32.const 0x7fa00001)) (then unreachable))
      (global.set $g (f32.const 1))))`;
  const guest = engine.load(prepare(source));
  for (let run = 0; run < 3; run++) {
    assert.deepEqual(await outcomeOf(guest.run(invocation())), { kind: "exited", code: 0 });
    assert.equal(engine.counts().instances, 0);
  }
});

test("createEngine() refuses slices that would outlast the epoch's lease", () => {
  for (const sliceMs of [0, -1, 41, Number.NaN]) {
    assert.throws(() => testEngine({ settings: { sliceMs } }), /sliceMs is .*; it must be above 0 and at most 40/);
  }
});

test("run() reports a run that does not end when told to", async () => {
  const timers: (() => void)[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    monotonic: () => (now += 0.01),
    after: (_: number, run: () => void) => {
      timers.push(run);
      return { [Symbol.dispose]: () => {} };
    },
  };
  const stuck: string[] = [];
  const engine = testEngine({ clock, onStuck: (digest) => stuck.push(digest) });
  const prepared = prepare(NAPPER);
  const run = engine.load(prepared).run(invocation({ deadlineMs: 1000 }));
  for (const timer of timers.splice(0)) timer();
  assert.deepEqual(stuck, []);

  now = 1000;
  for (const timer of timers.splice(0)) timer();
  // What looks for it fires before the guest could leave.
  for (const timer of timers.splice(0)) timer();

  assert.deepEqual(stuck, [prepared.digest]);
  assert.deepEqual(await outcomeOf(run), { kind: "stopped", reason: "deadline" });
  await engine.close();
});

test("a nested call runs on over the end of its slice, for nestedCallMs", async () => {
  const source = (body: string) => `(module (import "test" "nested" (func $nested (param i32) (result i32)))
    (func (export "inner") (param i32) (result i32) (local $i i32) ${body} (local.get 0))
    (func (export "_start") (drop (call $nested (i32.const 5)))))`;
  const loops = source(
    "(loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))",
  );
  const spins = source("(loop $l (br $l))");
  const slices = { until: (epoch: number) => epoch - 1, isOver: () => true };
  await using short = testEngine({ testing: { slices }, settings: { nestedCallMs: 1000 } });
  await using none = testEngine({ testing: { slices }, settings: { nestedCallMs: 5 } });

  assert.deepEqual(await outcomeOf(short.load(prepare(loops)).run(invocation({ live: true }))), {
    kind: "exited",
    code: 0,
  });
  assert.deepEqual(await outcomeOf(none.load(prepare(spins)).run(invocation({ live: true }))), {
    kind: "trapped",
    message: "host function failed: an export called by a host function took too long",
    outOfMemory: false,
  });
});

test("memoryBytes() tells the memory of a guest's idle instances", async () => {
  await using engine = testEngine();
  const guest = engine.load(prepare(`(module (memory (export "memory") 3) (func (export "_start")))`));
  const before = guest.memoryBytes();

  await guest.run(invocation());

  assert.equal(before, 0);
  assert.equal(guest.memoryBytes(), 3 * 65_536);
});
