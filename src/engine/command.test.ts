import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/index.ts";
import { type CommandExit, type CommandProcess, runCommand } from "./command.ts";
import { createEpoch } from "./epoch/epoch.ts";
import { startTicker } from "./epoch/ticker.ts";
import { DEFAULT_GUEST_LIMITS } from "./guest.ts";
import { UnusableModuleError } from "./instance/unusable-module-error.ts";
import { Collected, prepare, testModules } from "./testing/fixture.ts";
import { createSmallWasi } from "./testing/small-wasi.ts";

const EXIT = `(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`;
const WRITE = `(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`;

function command(changes: Partial<CommandProcess> = {}): CommandProcess & { readonly stdout: Collected } {
  return {
    args: [],
    env: [],
    stdin: { read: () => new Uint8Array(0) },
    stderr: new Collected(),
    preopens: [],
    ...changes,
    stdout: new Collected(),
  };
}

function run(
  source: string,
  process = command(),
  epoch = createEpoch().memory,
  memoryBytes = 65_536,
): Promise<CommandExit> {
  const options = { epoch, clock: systemClock, hostModules: testModules, testing: { wasi: createSmallWasi } };
  return runCommand(prepare(source), { ...DEFAULT_GUEST_LIMITS, memoryBytes }, process, options);
}

test("runCommand() tells how a command ended", async () => {
  const oom = "the module was refused memory beyond its limit";
  const cases: readonly (readonly [source: string, exit: Omit<CommandExit, "cpuMs">])[] = [
    [`(module (func (export "_start")))`, { exitCode: 0, reason: "Completed", message: "" }],
    [
      `(module ${EXIT} (func (export "_start") (call $exit (i32.const 3))))`,
      { exitCode: 3, reason: "Error", message: "" },
    ],
    [`(module (func (export "_start") unreachable))`, { exitCode: 134, reason: "Error", message: "unreachable" }],
    [
      `(module (memory 1) (func (export "_start") (drop (memory.grow (i32.const 1))) unreachable))`,
      { exitCode: 137, reason: "OOMKilled", message: oom },
    ],
    [
      `(module ${EXIT} (memory 1) (func (export "_start") (drop (memory.grow (i32.const 1))) (call $exit (i32.const 1))))`,
      { exitCode: 137, reason: "OOMKilled", message: oom },
    ],
    [
      `(module (import "test-wait" "nap" (func $nap (result i32))) (func (export "_start") (drop (call $nap))))`,
      { exitCode: 0, reason: "Completed", message: "" },
    ],
  ];
  for (const [source, expected] of cases) {
    const { cpuMs, ...exit } = await run(source);
    assert.deepEqual(exit, expected);
    assert.ok(cpuMs >= 0);
  }
});

test("runCommand() writes output through", async () => {
  const process = command();
  const source = `(module ${WRITE} (memory 1) (data (i32.const 0) "\\10\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 16) "hi")
    (func (export "_start") (loop $l (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))) unreachable))`;

  await run(source, process);

  assert.deepEqual(process.stdout.chunks.map(String), ["hi"]);
});

test("runCommand() stops a command at its deadline, also after its host was busy", async () => {
  const { memory } = createEpoch();
  await using _ = startTicker(memory);
  const source = `(module (func (export "_start") (loop $l (br $l))))`;

  const exit = await run(source, command({ deadlineMs: performance.now() + 150 }), memory);

  assert.deepEqual({ ...exit, cpuMs: 0 }, { exitCode: 137, reason: "Error", message: "stopped: deadline", cpuMs: 0 });
});

test("runCommand() throws for a module that cannot run", async () => {
  for (const source of [
    `(module (memory 2) (func (export "_start")))`,
    `(module)`,
    `(module (import "a" "b" (func)))`,
  ]) {
    await assert.rejects(run(source), UnusableModuleError, source);
  }
});
