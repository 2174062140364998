import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { instantiate, wat } from "../../test/wasm-spec/wat.ts";
import { ByteReader } from "./byte-reader.ts";
import { instrument, UnsupportedModuleError } from "./index.ts";
import { skipConstantExpression, skipInstruction } from "./instructions.ts";

/** Functions of many proposals: each gives the same results before and after, and a check in it fires. */
const FAMILIES: readonly (readonly [name: string, text: string, ...args: number[]])[] = [
  [
    "numbers",
    `(func (export "run") (param i32) (result f64) (f64.mul (f64.convert_i32_s (local.get 0)) (f64.const 2.5)))`,
    4,
  ],
  [
    "constants",
    `(func (export "run") (result i64) (drop (f32.const 1)) (i64.add (i64.const -9223372036854775808) (i64.const 127)))`,
  ],
  ["sign extension", `(func (export "run") (param i32) (result i32) (i32.extend8_s (local.get 0)))`, 255],
  ["saturating conversion", `(func (export "run") (result i32) (i32.trunc_sat_f64_s (f64.const 1e30)))`],
  ["several values", `(func (export "run") (result i32 i64) (block (result i32 i64) (i32.const 1) (i64.const 2)))`],
  [
    "branch tables",
    `(func (export "run") (param i32) (result i32)
      (block (block (block (br_table 0 1 2 (local.get 0))) (return (i32.const 10))) (return (i32.const 20))) (i32.const 30))`,
    1,
  ],
  [
    "typed select",
    `(func (export "run") (param i32) (result i32) (select (result i32) (i32.const 1) (i32.const 2) (local.get 0)))`,
    0,
  ],
  [
    "loops with parameters",
    `(func (export "run") (param i32) (result i32)
      (i32.const 0)
      (loop $l (param i32) (result i32)
        (i32.add (local.get 0))
        (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
        (br_if $l (local.get 0))))`,
    9,
  ],
  [
    "memory",
    `(memory 1) (data (i32.const 8) "\\01\\02\\03\\04")
      (func (export "run") (param i32) (result i64) (i64.store offset=100 (local.get 0) (i64.load8_u (i32.const 9)))
        (i64.load offset=100 align=4 (local.get 0)))`,
    8,
  ],
  [
    "atomics on a memory that is not shared",
    `(memory 1)
      (func (export "run") (result i32) (atomic.fence) (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 5)))
        (drop (memory.atomic.notify (i32.const 0) (i32.const 1))) (i32.atomic.load (i32.const 0)))`,
  ],
  [
    "vectors",
    `(memory 1)
      (func (export "run") (param i32) (result i32)
        (v128.store (i32.const 0) (i32x4.add (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))
        (v128.store64_lane 1 (i32.const 32) (v128.load (i32.const 0)) )
        (i32x4.extract_lane 2 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.load (i32.const 0)) (v128.load32_splat (i32.const 32)))))`,
    7,
  ],
  [
    "relaxed vectors",
    `(func (export "run") (result i32) (i32x4.extract_lane 0 (i8x16.relaxed_swizzle (i32x4.splat (i32.const 3)) (i32x4.splat (i32.const 0)))))`,
  ],
  [
    "references",
    `(table 2 funcref) (elem declare func $f) (func $f (result i32) (i32.const 3))
      (func (export "run") (result i32) (table.set (i32.const 1) (ref.func $f))
        (i32.add (ref.is_null (table.get (i32.const 0))) (call_indirect (result i32) (i32.const 1))))`,
  ],
  ["references to nothing", `(func (export "run") (result i32) (ref.is_null (ref.null extern)))`],
  [
    "tail calls",
    `(func $down (param i32 i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (local.get 1))
          (else (return_call $down (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 2))))))
      (func (export "run") (param i32) (result i32) (return_call $down (local.get 0) (i32.const 0)))`,
    100_000,
  ],
  [
    "exceptions of the old kind",
    `(tag $e (param i32))
      (func $throw (param i32) (throw $e (local.get 0)))
      (func (export "run") (param i32) (result i32)
        (try (result i32)
          (do (try (do (call $throw (local.get 0))) (catch_all (rethrow 0))) (i32.const 0))
          (catch $e)))`,
    42,
  ],
  [
    "delegated exceptions",
    `(tag $e)
      (func (export "run") (result i32)
        (try $outer (result i32) (do (try (do (throw $e)) (delegate $outer)) (i32.const 0)) (catch_all (i32.const 6))))`,
  ],
  [
    "extended constants",
    `(global i32 (i32.add (i32.const 2) (i32.mul (i32.const 3) (i32.const 4)))) (func (export "run") (result i32) (global.get 0))`,
  ],
];

describe("instrument() keeps what functions do", () => {
  for (const [name, text, ...args] of FAMILIES) {
    test(name, () => {
      const bytes = wat(`(module ${text})`);
      const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
      const instance = instantiate(bytes);
      instance.setEpoch(1);

      assert.deepEqual(instance.call("run", ...args), Reflect.apply(run as Function, undefined, args));
      assert.ok(instance.overruns > 0);
    });
  }
});

/** Hand-assembled, as the text tools at hand do not know them: types, then the body of `run: () -> i32`. */
const NEWER: readonly (readonly [name: string, types: readonly number[], body: readonly number[], result: number])[] = [
  [
    "structs and arrays",
    // (struct (field (mut i32))) (array (mut i32)); array.len of a new array plus a field of a new struct, through casts
    [0x03, 0x5f, 0x01, 0x7f, 0x01, 0x5e, 0x7f, 0x01, 0x60, 0x00, 0x01, 0x7f],
    [
      0x41, 0x05, 0xfb, 0x00, 0x00, 0xfb, 0x16, 0x00, 0xfb, 0x02, 0x00, 0x00, 0x41, 0x01, 0x41, 0x02, 0xfb, 0x08, 0x01,
      0x02, 0xfb, 0x0f, 0x6a,
    ],
    7,
  ],
  [
    "typed function references",
    [0x01, 0x60, 0x00, 0x01, 0x7f],
    // br_on_null, ref.as_non_null, call_ref, return_call_ref: walked, not reached
    [0x41, 0x07, 0x0f, 0xd0, 0x00, 0xd5, 0x00, 0xd4, 0x14, 0x00, 0x1a, 0xd0, 0x00, 0x15, 0x00],
    7,
  ],
  ["i31 references", [0x01, 0x60, 0x00, 0x01, 0x7f], [0x41, 0x09, 0xfb, 0x1c, 0xfb, 0x1d], 9],
  [
    "casting branches",
    [0x01, 0x60, 0x00, 0x01, 0x7f],
    // block (result (ref null i31)) i31 br_on_cast 0 anyref (ref null i31) drop ref.null i31 end i31.get_s
    [0x02, 0x63, 0x6c, 0x41, 0x08, 0xfb, 0x1c, 0xfb, 0x18, 0x03, 0x00, 0x6e, 0x6c, 0x1a, 0xd0, 0x6c, 0x0b, 0xfb, 0x1d],
    8,
  ],
  [
    "try_table",
    [0x01, 0x60, 0x00, 0x01, 0x7f],
    // block (try_table (catch_all 0) unreachable-by-throw) … : catches nothing, gives 4
    [0x02, 0x40, 0x1f, 0x40, 0x01, 0x02, 0x00, 0x01, 0x0b, 0x0b, 0x41, 0x04],
    4,
  ],
];

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

describe("instrument() keeps what functions of newer proposals do", () => {
  for (const [name, types, body, result] of NEWER) {
    test(name, () => {
      const type = (types[0] ?? 1) - 1;
      const code = [0x00, ...body, 0x0b];
      const section = (id: number, ...contents: number[]): number[] => [id, contents.length, ...contents];
      const bytes = Uint8Array.from([
        ...PREAMBLE,
        ...section(1, ...types),
        ...section(3, 1, type),
        ...section(7, 1, 3, ...Buffer.from("run"), 0, 0),
        ...section(10, 1, code.length, ...code),
      ]);

      assert.equal(instantiate(bytes).call("run"), result);
    });
  }
});

test("skipInstruction() passes wide arithmetic, which not every engine has", () => {
  const wide = new ByteReader(Uint8Array.of(0xfc, 0x13));

  skipInstruction(wide);

  assert.equal(wide.offset, 2);
});

test("skipConstantExpression() passes all instructions up to its end", () => {
  const expression = new ByteReader(Uint8Array.of(0x41, 0x0b, 0x23, 0x00, 0x6a, 0xd0, 0x70, 0x0b, 0x0b));

  skipConstantExpression(expression);

  assert.equal(expression.offset, 8);
  assert.throws(() => skipConstantExpression(new ByteReader(Uint8Array.of(0x41, 0x00))), SyntaxError);
});

test("skipInstruction() refuses every opcode that is not assigned", () => {
  const operands = Array.from({ length: 24 }, () => 0);
  const isUnknown = (...opcode: number[]): boolean => {
    try {
      skipInstruction(new ByteReader(Uint8Array.from([...opcode, ...operands])));
      return false;
    } catch (error) {
      if (error instanceof UnsupportedModuleError) return true;
      throw error;
    }
  };
  const unknown = (prefix: readonly number[], count: number): number =>
    Array.from({ length: count }, (_, code) =>
      isUnknown(...prefix, ...(prefix.length > 0 && code > 127 ? [(code & 127) | 128, code >> 7] : [code])),
    ).filter(Boolean).length;

  assert.deepEqual(
    [unknown([], 256), unknown([0xfb], 256), unknown([0xfc], 256), unknown([0xfd], 512), unknown([0xfe], 256)],
    [256 - 203, 256 - 31, 256 - 22, 512 - 256, 256 - 67],
  );
});

test("instrument() names the unknown instruction and where it stands", () => {
  const bytes = Uint8Array.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, 5, 1, 3, 0, 0xf0, 0x0b,
  ]);

  assert.throws(() => instrument(bytes), { message: "Module uses an unknown instruction 0xf0 at byte 23" });
});
