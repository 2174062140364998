// A run leaves nothing behind on its instance, wherever it is suspended, abandoned or killed: every check of every guest, in every
// strategy and lane. What is compared is the whole state of the instance: memory, globals, tables.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST_EXPORTS } from "../wasm/index.ts";
import type { PreparedModule } from "./guest.ts";
import { GuestInstance } from "./instance/guest-instance.ts";
import type { Strategy } from "./instance/memory-restorer.ts";
import { DEADLINE_MS, type Disturbance, DISTURBANCES, type World, worldWith } from "./testing/disturbances.ts";
import { invocation, prepare, testEngine } from "./testing/fixture.ts";

/** Calls `$work` in a loop of four rounds and ends with `$end`. */
function guest(parts: { fields: string; work: string; end?: string; imports?: string }): string {
  return `(module
    ${parts.imports ?? ""}
    ${parts.fields}
    (func $work (param $round i32) ${parts.work})
    (func (export "_start") (local $round i32)
      (loop $again
        (call $work (local.get $round))
        (local.set $round (i32.add (local.get $round) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $round) (i32.const 4))))
      ${parts.end ?? ""}))`;
}

const MEMORY = `(memory 2) (data (i32.const 1000) "clean") (data (i32.const 70000) "clean too")`;
const EXIT = `(import "test" "exit" (func $exit (param i32)))`;
const DIRTY = `(i32.store (i32.mul (local.get $round) (i32.const 30000)) (i32.const 0xdddddddd)) (i32.store8 (i32.const 1001) (local.get $round))`;

const GUESTS: Readonly<Record<string, string>> = {
  "dirties memory": guest({ fields: MEMORY, work: DIRTY }),
  "dirties globals of every type": guest({
    fields: `${MEMORY}
      (global $a (mut i32) (i32.const -7)) (global $b (mut i64) (i64.const 0x7fffffffffffffff)) (global $c (mut f32) (f32.const -0))
      (global $d (mut f64) (f64.const 1e-310)) (global $e (mut funcref) (ref.null func)) (elem declare func $work)`,
    work: `(global.set $a (i32.add (global.get $a) (i32.const 1))) (global.set $b (i64.const 5)) (global.set $c (f32.const nan:0x200001))
      (global.set $d (f64.const 3)) (global.set $e (ref.func $work))`,
  }),
  "changes its table": guest({
    fields: `(table $t 4 funcref) (elem (i32.const 0) $one $two) (func $one) (func $two)`,
    work: `(table.set $t (local.get $round) (ref.func $two)) (table.set $t (i32.const 1) (ref.null func)) (table.copy (i32.const 2) (i32.const 0) (i32.const 2))`,
  }),
  "grows its table": guest({
    fields: `(table $t 2 10 funcref)`,
    work: `(drop (table.grow $t (ref.null func) (i32.const 1)))`,
  }),
  "grows its memory and writes there": guest({
    fields: `(memory 1) (data (i32.const 8) "clean")`,
    work: `(if (i32.ne (memory.size) (i32.add (i32.const 1) (i32.mul (local.get $round) (i32.const 3)))) (then unreachable))
      (i32.store (i32.mul (memory.grow (i32.const 3)) (i32.const 65536)) (i32.const -1)) (i32.store (i32.const 8) (i32.const 0))`,
  }),
  "drops and uses passive segments": guest({
    fields: `(memory 1) (data $p "passive")`,
    work: `(if (i32.eqz (local.get $round)) (then (memory.init $p (i32.const 0) (i32.const 0) (i32.const 7)) (data.drop $p)))`,
  }),
  traps: guest({ fields: MEMORY, work: DIRTY, end: "unreachable" }),
  exits: guest({ imports: EXIT, fields: MEMORY, work: DIRTY, end: "(call $exit (i32.const 3))" }),
  "swallows its exit": guest({
    imports: EXIT,
    fields: MEMORY,
    work: DIRTY,
    end: "(try (do (call $exit (i32.const 3))) (catch_all (i32.store (i32.const 0) (i32.const 1)) (call $work (i32.const 2))))",
  }),
  "swallows what its checks throw": guest({
    fields: MEMORY,
    work: `(try (do (call $inner (local.get $round))) (catch_all ${DIRTY}))`,
    end: "",
  }).replace("(func $work", `(func $inner (param $round i32) ${DIRTY}) (func $work`),
  recurses: guest({
    fields: `${MEMORY} (func $deep (param i32) (i32.store (i32.mul (local.get 0) (i32.const 4)) (i32.const -1))
      (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))`,
    work: "(call $deep (i32.const 5))",
  }),
  "is called by its imports": guest({
    imports: `(import "test" "nested" (func $nested (param i32) (result i32)))`,
    fields: `${MEMORY} (func (export "inner") (param $round i32) (result i32) ${DIRTY} (local.get $round))`,
    work: "(drop (call $nested (local.get $round)))",
  }),
  "has a start function": guest({
    fields: `${MEMORY} (global $g (mut i32) (i32.const 1)) (func $init (local $round i32) (global.set $g (i32.const 2)) (i32.store8 (i32.const 1000) (i32.const 67)) (call $work (i32.const 1))) (start $init)`,
    work: `${DIRTY} (if (i32.ne (global.get $g) (i32.const 2)) (then unreachable))`,
  }),
  "waits for its host": guest({
    imports: `(import "test-wait" "nap" (func $nap (result i32)))`,
    fields: MEMORY,
    work: `${DIRTY} (drop (call $nap))`,
  }),
};

interface State {
  readonly memory: Buffer;
  readonly globals: Readonly<Record<string, unknown>>;
  readonly tables: Readonly<Record<string, readonly unknown[]>>;
}

const STEERING: readonly string[] = Object.values(HOST_EXPORTS);

function stateOf({ exports, memory }: GuestInstance): State {
  const globals: Record<string, unknown> = {};
  const tables: Record<string, unknown[]> = {};
  for (const [name, value] of Object.entries(exports)) {
    if (value instanceof WebAssembly.Global && !STEERING.includes(name)) globals[name] = value.value;
    if (value instanceof WebAssembly.Table) tables[name] = Array.from({ length: value.length }, (_, i) => value.get(i));
  }
  return { memory: Buffer.from(memory.buffer.slice(0)), globals, tables };
}

/** Asserts that an instance about to be used again is as it was made; memory that grew must hold zeros. */
function assertClean(instance: GuestInstance, clean: State): void {
  const now = stateOf(instance);
  const size = clean.memory.length;
  assert.equal(Buffer.compare(now.memory.subarray(0, size), clean.memory), 0, "memory differs from the snapshot");
  const grown = now.memory.subarray(size);
  assert.equal(Buffer.compare(grown, Buffer.alloc(grown.length)), 0, "grown memory holds data of the last run");
  assert.deepEqual(now.globals, clean.globals);
  assert.deepEqual(now.tables, clean.tables);
}

/** Larger than any guest's number of checks. */
const MAX_CHECKS = 60;

/** What a run came to, without times. */
async function runOnce({ engine, policy, clock }: World, prepared: PreparedModule, live: boolean) {
  policy.checks = 0;
  const run = invocation({ live, deadlineMs: clock.monotonic() + DEADLINE_MS });
  const { cpuMs: _, ...outcome } = { cpuMs: 0, ...(await engine.load(prepared).run(run)) };
  return { outcome, checks: policy.checks };
}

async function disturbAtEachCheck(prepared: PreparedModule, strategy: Strategy, disturbance: Disturbance) {
  const world = worldWith(strategy);
  await using _ = world.engine;
  const undisturbed = await runOnce(world, prepared, disturbance.live);
  assert.ok(undisturbed.checks > 0 && undisturbed.checks < MAX_CHECKS, `${undisturbed.checks} checks`);
  for (let k = 1; k <= undisturbed.checks; k++) {
    world.policy.at = k;
    world.policy.happen = () => disturbance.happen(world);
    const disturbed = await runOnce(world, prepared, disturbance.live);
    if (!disturbance.kills) assert.deepEqual(disturbed.outcome, undisturbed.outcome, `disturbed at check ${k}`);
    world.policy.at = 0;
    assert.deepEqual(await runOnce(world, prepared, disturbance.live), undisturbed, `after check ${k}`);
  }
}

const BEGIN = Object.getOwnPropertyDescriptor(GuestInstance.prototype, "begin")?.value as GuestInstance["begin"];
const cleanStates = new WeakMap<GuestInstance, State>();
let reused = 0;

/** `GuestInstance.begin`, looking first whether the instance is as it was when it was made. */
function checkedBegin(this: GuestInstance, ...args: Parameters<GuestInstance["begin"]>): void {
  const clean = cleanStates.get(this);
  if (clean) {
    reused++;
    assertClean(this, clean);
  } else cleanStates.set(this, stateOf(this));
  BEGIN.apply(this, args);
}

for (const [name, source] of Object.entries(GUESTS)) {
  for (const strategy of ["copy", "cow", "fresh"] as const) {
    for (const disturbance of DISTURBANCES) {
      const title = `run() by ${strategy} finds a clean instance after a guest that ${name} was ${disturbance.name}`;
      test(title, { timeout: 20_000 }, async (t) => {
        t.mock.method(GuestInstance.prototype, "begin", checkedBegin);
        await disturbAtEachCheck(prepare(source), strategy, disturbance);
      });
    }
  }
}

test("run() finds a clean instance after a guest that exhausted its stack", async (t) => {
  t.mock.method(GuestInstance.prototype, "begin", checkedBegin);
  const source = guest({
    fields: `${MEMORY} (global $depth (mut i32) (i32.const 0))
      (func $endless (global.set $depth (i32.add (global.get $depth) (i32.const 1))) (i32.store (i32.const 70000) (global.get $depth)) (call $endless))`,
    work: `(if (global.get $depth) (then (i32.store (i32.const -1) (i32.const 0)))) ${DIRTY}`,
    end: "(call $endless)",
  });
  const trapped = { kind: "trapped", message: "call stack exhausted", outOfMemory: false };
  for (const strategy of ["copy", "cow", "fresh"] as const) {
    await using engine = testEngine({ settings: { strategy } });
    const exhausting = engine.load(prepare(source));
    for (const live of [false, true, false, true]) {
      const { cpuMs: _, ...outcome } = { cpuMs: 0, ...(await exhausting.run(invocation({ live }))) };
      assert.deepEqual(outcome, trapped);
    }
  }
});

test("run() used instances again in these tests", () => {
  assert.ok(reused > 1000);
});
