import assert from "node:assert/strict";
import { test } from "node:test";
import { SinkFull } from "../wasi/index.ts";
import type { EngineSettings } from "./settings.ts";
import { createSmallWasi } from "./testing/small-wasi.ts";
import { invocation, prepare, testEngine } from "./testing/fixture.ts";

/** Echoes its input in pieces of at most 4 bytes, with a check in each round, and says "done" on standard error. */
const ECHO = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory 1) (data (i32.const 0) "\\40\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 8) "\\80\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 128) "done\\0a")
  (func (export "_start")
    (loop $next
      (i32.store (i32.const 4) (i32.const 4))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))
      (if (i32.load (i32.const 4)) (then
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (br $next))))
    (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))))`;

/** An engine in which check number `at` of each run ends a slice. */
function engineWith(at: number, settings: Partial<EngineSettings> = {}) {
  const state = { checks: 0, at };
  const slices = { until: (epoch: number) => epoch - 1, isOver: () => ++state.checks === state.at };
  const engine = testEngine({ settings, testing: { slices, wasi: createSmallWasi } });
  return { engine, state };
}

function chunks(...texts: readonly string[]) {
  const left = texts.map((text) => Buffer.from(text));
  return { read: (max: number) => takeFrom(left, max) };
}

function takeFrom(left: Buffer[], max: number): Uint8Array {
  const chunk = left.shift();
  if (!chunk) return new Uint8Array(0);
  if (chunk.length > max) left.unshift(chunk.subarray(max));
  return chunk.subarray(0, max);
}

test("run() leaves its output once, at whichever check it is abandoned", async () => {
  for (let at = 1; at <= 10; at++) {
    const { engine } = engineWith(at);
    await using _ = engine;
    const run = invocation({ stdin: chunks("hello ", "world") });

    const outcome = await engine.load(prepare(ECHO)).run(run);

    assert.equal(outcome.kind, "exited");
    assert.deepEqual([run.stdout.text, run.stderr.text], ["hello world", "done\n"], `check ${at}`);
  }
});

test("run() replays where it can wait when the input is not there yet", async () => {
  const { engine } = engineWith(0);
  await using _ = engine;
  const left = [Buffer.from("now "), Promise.resolve(Buffer.from("lat")), Promise.resolve(Buffer.from("er"))];
  const run = invocation({ stdin: { read: () => left.shift() ?? new Uint8Array(0) } });

  const outcome = engine.load(prepare(ECHO)).run(run);

  assert.ok(outcome instanceof Promise);
  assert.equal((await outcome).kind, "exited");
  assert.equal(run.stdout.text, "now later");
});

test("run() passes on what a guest wrote before it trapped", async () => {
  const { engine } = engineWith(0);
  await using _ = engine;
  const run = invocation({ stdin: chunks("last words") });

  const trapping = ECHO.replace(/\(drop \(call \$write \(i32.const 2\).*$/s, "unreachable))");
  const outcome = await engine.load(prepare(trapping)).run(run);

  assert.equal(outcome.kind, "trapped");
  assert.equal(run.stdout.text, "last words");
});

test("run() ends with output-limit when a sink is full, in either lane", async () => {
  for (const live of [false, true]) {
    const { engine } = engineWith(0);
    await using _ = engine;
    const full = {
      write: () => {
        throw new SinkFull(3);
      },
    };
    const run = { ...invocation({ stdin: chunks("too much"), live }), stdout: full };

    const outcome = await engine.load(prepare(ECHO)).run(run);

    assert.deepEqual({ ...outcome, cpuMs: 0 }, { kind: "stopped", reason: "output-limit", cpuMs: 0 });
  }
});

test("run() moves to the sliced lane when it writes more than is held back", async () => {
  const { engine } = engineWith(0, { fastOutputBytes: 5 });
  await using _ = engine;
  const run = invocation({ stdin: chunks("more than five") });

  await engine.load(prepare(ECHO)).run(run);

  assert.equal(run.stdout.text, "more than five");
  assert.ok(run.stdout.chunks.length > 1, "it was held back");
});

test("run() starts where nothing need be replayed when it may change files, or is live", async () => {
  const { engine } = engineWith(0);
  await using _ = engine;
  const guest = engine.load(prepare(ECHO));
  const preopen = { guestPath: "/", fd: 0 };
  const cases = [
    [invocation({ live: true }), true],
    [invocation({ preopens: [{ ...preopen, readOnly: false }] }), true],
    [invocation({ preopens: [{ ...preopen, readOnly: true }] }), false],
  ] as const;
  for (const [run, isSliced] of cases) {
    const outcome = guest.run(run);
    assert.equal(outcome instanceof Promise, isSliced);
    assert.equal((await outcome).kind, "exited");
  }
});

test("run() no longer tries the fast lane once abandoned runs have used up their budget", async () => {
  const { engine, state } = engineWith(1, { abandonMs: { burst: 0.000_001, perSecond: 0 } });
  await using _ = engine;
  const guest = engine.load(prepare(ECHO));
  await guest.run(invocation());

  state.checks = 0;
  const second = invocation({ stdin: chunks("abcdefgh") });
  await guest.run(second);

  // In the sliced lane each write of the guest reaches the sink by itself.
  assert.deepEqual(second.stdout.chunks.map(String), ["abcd", "efgh"]);
});
