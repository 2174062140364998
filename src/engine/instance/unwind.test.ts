import assert from "node:assert/strict";
import { test } from "node:test";
import { SinkFull } from "../../wasi/index.ts";
import { ProcExit, WouldBlock } from "./wasi-host.ts";
import { wat } from "../testing/fixture.ts";
import { suspendingOverrun, TRAMPOLINE_BYTES } from "./trampoline.ts";
import { endingOfHostError, endingOfTrap, UNWIND } from "./unwind.ts";

/** Catches whatever leaves the import `leave`, and tells so by its result. */
const CATCHING = new WebAssembly.Module(
  wat(`(module (import "e" "leave" (func $leave))
    (func (export "run") (result i32) (try (result i32) (do (call $leave) (i32.const 0)) (catch_all (i32.const 1)))))`),
);

function catching(leave: WebAssembly.ImportValue): () => unknown {
  return new WebAssembly.Instance(CATCHING, { e: { leave } }).exports["run"] as () => unknown;
}

function thrown(error: unknown): () => never {
  return () => {
    throw error;
  };
}

test("UNWIND passes a guest's catch_all, which catches any other error", () => {
  assert.equal(catching(thrown(new Error("exit")))(), 1);
  assert.throws(catching(thrown(UNWIND)), (error) => error === UNWIND);
});

test("UNWIND passes a guest's catch_all as the rejection of a suspension", async () => {
  const rejecting = (error: Error) => {
    const leave = async () => {
      throw error;
    };
    return WebAssembly.promising(catching(new WebAssembly.Suspending(leave)))();
  };

  assert.equal(await rejecting(new Error("exit")), 1);
  await assert.rejects(rejecting(UNWIND), (error) => error === UNWIND);
});

test("TRAMPOLINE_BYTES are the module of its comment", () => {
  const text = `(module (import "" "d" (func $decide (result i32))) (import "" "p" (func $pause))
    (func (export "o") (if (call $decide) (then (call $pause)))))`;

  assert.deepEqual(new Uint8Array(TRAMPOLINE_BYTES), wat(text));
});

test("suspendingOverrun() lets decide throw below a frame of JavaScript, where nothing can suspend", async () => {
  const overrun = suspendingOverrun(thrown(UNWIND), () => Promise.resolve()) as unknown as () => void;

  await assert.rejects(WebAssembly.promising(catching(() => overrun()))(), (error) => error === UNWIND);
});

test("endingOfHostError() tells how a run ends", () => {
  const exit = new ProcExit();
  exit.code = 7;
  const cases: readonly (readonly [unknown, ReturnType<typeof endingOfHostError>])[] = [
    [new ProcExit(), { kind: "exited", code: 0 }],
    [exit, { kind: "exited", code: 7 }],
    [new WouldBlock("effect"), { kind: "abandoned", reason: "effect" }],
    [new SinkFull(1), { kind: "stopped", reason: "output-limit" }],
    [new TypeError("broken"), { kind: "trapped", message: "host function failed: broken" }],
  ];
  for (const [error, ending] of cases) assert.deepEqual(endingOfHostError(error), ending);
});

test("endingOfTrap() names the trap", () => {
  const run = (body: string) => {
    const module = new WebAssembly.Module(wat(`(module (tag $t) (func $f (export "f") ${body}))`));
    try {
      (new WebAssembly.Instance(module).exports["f"] as () => void)();
    } catch (error) {
      return endingOfTrap(error);
    }
    return undefined;
  };

  assert.deepEqual(run("unreachable"), { kind: "trapped", message: "unreachable" });
  assert.deepEqual(run("(drop (i32.div_s (i32.const 1) (i32.const 0)))"), {
    kind: "trapped",
    message: "divide by zero",
  });
  assert.deepEqual(run("(call $f)"), { kind: "trapped", message: "call stack exhausted" });
  assert.deepEqual(run("(throw $t)"), { kind: "trapped", message: "uncaught exception" });
});
