import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { instantiate, wat } from "../../test/wasm-spec/wat.ts";
import { unsigned } from "./assembler.ts";
import { instrument, LAYOUT_VERSION, readModule } from "./index.ts";
import { COUNT_LIMITS, MAX_CONSTANT_BYTES } from "./limits.ts";

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
/** One function type without parameters, one function. */
const FUNCTION = [0x01, 0x04, 0x01, 0x60, 0, 0, 0x03, 0x02, 0x01, 0x00];

/** A module with one function of the given instructions and other sections before its code. */
function moduleOf(instructions: readonly number[], sections: readonly number[] = []): Uint8Array {
  const body = [0x00, ...instructions, 0x0b];
  return Uint8Array.from([...PREAMBLE, ...FUNCTION, ...sections, 0x0a, body.length + 2, 0x01, body.length, ...body]);
}

describe("instrument() exports state", () => {
  test("every mutable global that the module defines", () => {
    const instance = instantiate(
      wat(`(module (import "env" "base" (global i32))
        (global (mut i32) (i32.const 1)) (global i32 (i32.const 2)) (global (mut i64) (i64.const 3))
        (global (mut f32) (f32.const 4)) (global (mut f64) (f64.const 5))
        (global (mut funcref) (ref.func $f)) (global (export "own") (mut externref) (ref.null extern))
        (func $f (export "f") (result i64) global.get 3))`),
      { imports: { env: { base: 9 } } },
    );

    assert.deepEqual(instance.layout.globals, [
      { name: "wasipool:global-1", type: "i32" },
      { name: "wasipool:global-3", type: "i64" },
      { name: "wasipool:global-4", type: "f32" },
      { name: "wasipool:global-5", type: "f64" },
      { name: "wasipool:global-6", type: "funcref" },
      { name: "wasipool:global-7", type: "externref" },
    ]);
    const values = instance.layout.globals.map(({ name }) => (instance.exports[name] as WebAssembly.Global).value);
    assert.deepEqual(values, [1, 3n, 4, 5, instance.exports["f"], null]);
    (instance.exports["wasipool:global-3"] as WebAssembly.Global).value = 7n;
    assert.equal(instance.call("f"), 7n);
  });

  for (const [instruction, tables] of [
    ["(table.set 0 (i32.const 0) (ref.null func))", ["wasipool:table-0"]],
    ["(drop (table.grow 0 (ref.null func) (i32.const 1)))", ["wasipool:table-0"]],
    ["(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))", ["wasipool:table-0"]],
    ["(table.copy 1 0 (i32.const 0) (i32.const 0) (i32.const 1))", ["wasipool:table-1"]],
    ["(table.init 1 0 (i32.const 0) (i32.const 0) (i32.const 0))", ["wasipool:table-1"]],
    ["(drop (table.get 0 (i32.const 0)))", []],
    ["(drop (table.size 0))", []],
  ] as const) {
    test(`tables that ${instruction} changes`, () => {
      const instance = instantiate(
        wat(`(module (table 1 funcref) (table 1 funcref) (elem func $f) (func $f (export "f") ${instruction}))`),
      );

      instance.call("f");

      assert.deepEqual(instance.layout.tables, tables);
      for (const name of tables) assert.ok(instance.exports[name] instanceof WebAssembly.Table);
    });
  }

  test("the start function, which no longer runs by itself", () => {
    const instance = instantiate(
      wat(`(module (import "env" "print" (func)) (global (export "g") (mut i32) (i32.const 0))
        (func $start (global.set 0 (i32.const 1))) (start $start))`),
      { imports: { env: { print: () => {} } } },
    );
    const global = instance.exports["g"] as WebAssembly.Global;

    assert.equal(global.value, 0);
    instance.call(instance.layout.start ?? "");
    assert.equal(global.value, 1);
  });

  test("a start function that is imported", () => {
    let calls = 0;
    const instance = instantiate(wat(`(module (import "env" "print" (func $print)) (start $print))`), {
      imports: { env: { print: () => calls++ } },
    });

    instance.call(instance.layout.start ?? "");

    assert.equal(calls, 1);
  });

  test("nothing that a module without state and memory does not have", () => {
    const { bytes, layout } = instrument(wat(`(module (func (export "f")))`));

    assert.deepEqual(layout, { version: LAYOUT_VERSION, globals: [], tables: [], freshOnly: [] });
    assert.deepEqual(
      readModule(bytes).exports.map(({ name }) => name),
      ["f", "wasipool:deadline"],
    );
  });
});

describe("instrument() moves functions", () => {
  test("in calls, references, elements, exports and constant expressions", () => {
    const print: number[] = [];
    const instance = instantiate(
      wat(`(module
        (type $print (func (param i32)))
        (import "env" "print" (func $print (param i32)))
        (table $t 4 funcref) (elem (i32.const 0) func $print $one) (elem $passive funcref (ref.func $two) (ref.null func))
        (elem (table $t) (i32.const 2) funcref (ref.func $two))
        (global $g funcref (ref.func $two))
        (func $one (param i32) (call $print (i32.add (local.get 0) (i32.const 1))))
        (func $two (param i32) (call $print (i32.add (local.get 0) (i32.const 2))))
        (func $tail (param i32) (return_call $two (local.get 0)))
        (func (export "run")
          (call $print (i32.const 10)) (call $one (i32.const 10)) (call $tail (i32.const 10))
          (call_indirect $t (type $print) (i32.const 20) (i32.const 0))
          (call_indirect $t (type $print) (i32.const 20) (i32.const 1))
          (call_indirect $t (type $print) (i32.const 20) (i32.const 2))
          (table.set $t (i32.const 3) (ref.func $one))
          (call_indirect $t (type $print) (i32.const 30) (i32.const 3))
          (table.set $t (i32.const 3) (global.get $g))
          (call_indirect $t (type $print) (i32.const 40) (i32.const 3))
          (table.init $t $passive (i32.const 3) (i32.const 0) (i32.const 1))
          (return_call_indirect $t (type $print) (i32.const 50) (i32.const 3))))`),
      { imports: { env: { print: (value: number) => print.push(value) } } },
    );

    instance.call("run");

    assert.deepEqual(print, [10, 11, 12, 20, 21, 22, 31, 42, 52]);
  });

  test("across the boundary where an index takes a byte more", () => {
    const functions = Array.from({ length: 300 }, (_, index) => `(func $f${index} (result i32) (i32.const ${index}))`);
    const exported = [126, 127, 128, 255, 256].map(
      (index) => `(func (export "${index}") (result i32) (call $f${index}))`,
    );
    const instance = instantiate(wat(`(module ${functions.join("")} ${exported.join("")})`));

    for (const index of [126, 127, 128, 255, 256]) assert.equal(instance.call(String(index)), index);
  });
});

describe("instrument() strips", () => {
  test("custom sections", () => {
    const module = wat(`(module (func $named (export "f")))`);
    const { bytes } = instrument(module);

    assert.deepEqual(
      readModule(module).customSections.map(({ name }) => name),
      ["name"],
    );
    assert.deepEqual(
      readModule(bytes).customSections.map(({ name }) => name),
      ["metadata.code.branch_hint"],
    );
  });
});

describe("instrument() bounds tables", () => {
  test("so that all together stay within the limit, however they grow", () => {
    const instance = instantiate(
      wat(`(module (table 10 externref) (table 20 30 externref)
        (func (export "grow0") (param i32) (result i32) (table.grow 0 (ref.null extern) (local.get 0)))
        (func (export "grow1") (param i32) (result i32) (table.grow 1 (ref.null extern) (local.get 0))))`),
      { maxTableEntries: 130 },
    );

    assert.equal(instance.call("grow0", 51), -1);
    assert.equal(instance.call("grow0", 50), 10);
    assert.equal(instance.call("grow1", 11), -1);
    assert.equal(instance.call("grow1", 10), 20);
  });

  test("and refuses what starts above it", () =>
    assert.throws(() => instrument(wat(`(module (table 10 funcref) (table 21 funcref))`), { maxTableEntries: 30 }), {
      name: "UnsupportedModuleError",
      message: "Module has tables of 31 entries, more than 30",
    }));
});

test("instrument() refuses more elements than tables may have", () =>
  assert.throws(
    () =>
      instrument(wat(`(module (func $f) (elem funcref (ref.func $f) (ref.func $f)) (elem func $f))`), {
        maxTableEntries: 2,
      }),
    { name: "UnsupportedModuleError", message: "Module has segments of 3 elements, more than 2" },
  ));

test("instrument() refuses constant expressions that take long to evaluate", () => {
  const terms = MAX_CONSTANT_BYTES / 3;
  const global = [0x7f, 0x00, 0x41, 0x00, ...Array.from({ length: terms }, () => [0x41, 0x00, 0x6a]).flat(), 0x0b];
  const size = [...unsigned(global.length + 1)];

  assert.throws(() => instrument(Uint8Array.from([...PREAMBLE, 0x06, ...size, 0x01, ...global])), {
    name: "UnsupportedModuleError",
    message: "Module has more than 2097152 bytes of constant expressions at byte 16",
  });
});

test("instrument() refuses a module that grows too large", () => {
  const loops = wat(`(module (func ${"(loop)".repeat(100)}))`);

  assert.throws(() => instrument(loops, { maxInstrumentedBytes: 1000 }), {
    name: "UnsupportedModuleError",
    message: "Module grows above 1000 bytes with the checks in its loops",
  });
  assert.ok(instrument(loops, { maxInstrumentedBytes: 4000 }).bytes.length < 4000);
});

test("instrument() refuses a function above the engine's limit before it writes it", () => {
  const size = COUNT_LIMITS.functionBytes + 1;
  const code = [0x01, ...unsigned(size)];
  const section = [0x0a, ...unsigned(code.length + size), ...code];
  const bytes = new Uint8Array(PREAMBLE.length + FUNCTION.length + section.length + size);
  bytes.set([...PREAMBLE, ...FUNCTION, ...section]);

  assert.throws(() => instrument(bytes), { name: "SyntaxError", message: /a function of at most 7654321 bytes/ });
});

test("instrument() refuses bulk operations on too many pairs of segments and tables", () => {
  const [segments, tables] = [101, 100];
  const pairs = Array.from(
    { length: segments * tables },
    (_, pair) => `(table.init ${pair % tables} ${Math.floor(pair / tables)} (i32.const 0) (i32.const 0) (i32.const 0))`,
  );
  const module = wat(
    `(module ${"(table 1 funcref)".repeat(tables)} ${"(elem funcref)".repeat(segments)} (func ${pairs.join("")}))`,
  );

  assert.throws(() => instrument(module), {
    name: "UnsupportedModuleError",
    message: "Module uses bulk operations on more than 10000 segments and tables",
  });
});

test("instrument() gives bytes that own their buffer", () => {
  const { bytes } = instrument(wat(`(module (func))`));

  assert.equal(bytes.buffer.byteLength, bytes.length);
});

describe("instrument() tells why instances cannot serve twice", () => {
  for (const [text, reason] of [
    [`(module (global (mut v128) (v128.const i64x2 0 0)))`, "mutable global 0 has type v128"],
    [`(module (import "e" "g" (global (mut i32))))`, "it imports mutable global 0"],
    [
      `(module (import "e" "t" (table 1 funcref)) (func (table.set 0 (i32.const 0) (ref.null func))))`,
      "it changes table 0, which it imports",
    ],
  ] as const) {
    test(reason, () => assert.deepEqual(instrument(wat(text)).layout.freshOnly, [reason]));
  }

  test("it declares structs or arrays", () => {
    const structs = Uint8Array.from([...PREAMBLE, 0x01, 0x05, 0x01, 0x5f, 0x01, 0x7f, 0x01]);

    assert.deepEqual(instrument(structs).layout.freshOnly, [
      "it declares structs or arrays, whose contents cannot be put back",
    ]);
  });

  test("it has too many mutable globals", () => {
    const { layout } = instrument(wat(`(module ${"(global (mut i32) (i32.const 0))".repeat(3)})`), {
      maxRecycledGlobals: 2,
    });

    assert.deepEqual(layout.freshOnly, ["it has 3 mutable globals, more than 2"]);
    assert.deepEqual(layout.globals, []);
  });
});

describe("instrument() does not support", () => {
  for (const [text, message] of [
    [`(module (memory 1 2 shared))`, "Module has a shared memory; build it without threads"],
    [`(module (memory i64 1))`, "Module has a 64-bit memory; build it for wasm32"],
    [`(module (import "e" "m" (memory 1 2 shared)))`, "Module has a shared memory; build it without threads"],
    [`(module (import "e" "m" (memory 1)))`, "Module imports its memory; it must define and export it"],
    [`(module (memory 1) (memory 1))`, "Module has 2 memories; one is supported"],
    [
      `(module (func (export "wasipool:deadline")))`,
      `Module exports "wasipool:deadline"; names with "wasipool:" are reserved`,
    ],
    [`(module (import "wasipool" "epoch" (func)))`, `Module imports "epoch" from "wasipool", a reserved module`],
  ] as const) {
    test(text, () => assert.throws(() => instrument(wat(text)), { name: "UnsupportedModuleError", message }));
  }

  for (const [name, bytes, message] of [
    ["an unknown instruction", moduleOf([0x01, 0xe0, 0x00]), "Module uses an unknown instruction 0xe0 at byte 24"],
    [
      "an unknown SIMD instruction",
      moduleOf([0xfd, 0xa2, 0x01]),
      "Module uses an unknown instruction 0xfd 0xa2 at byte 23",
    ],
    ["memory.discard", moduleOf([0xfc, 0x12, 0x00]), "Module uses an unknown instruction 0xfc 0x12 at byte 23"],
    [
      "a memory access of unknown form",
      moduleOf([0x28, 0x22, 0x00]),
      "Module has a memory access of unknown form 34 at byte 23",
    ],
    [
      "pages of another size",
      moduleOf([], [0x05, 0x04, 0x01, 0x08, 0x01, 0x00]),
      "Module has a memory with pages of 2^0 bytes, not 2^16",
    ],
    ["a 64-bit table", moduleOf([], [0x04, 0x04, 0x01, 0x70, 0x04, 0x01]), "Module has a 64-bit table (table 0)"],
    ["a shared table", moduleOf([], [0x04, 0x05, 0x01, 0x70, 0x03, 0x01, 0x01]), "Module has a shared table (table 0)"],
  ] as const) {
    test(name, () => assert.throws(() => instrument(bytes), { name: "UnsupportedModuleError", message }));
  }
});

describe("instrument() refuses a module that reaches for what is added", () => {
  const memory = [0x05, 0x03, 0x01, 0x00, 0x01];
  for (const [name, bytes, message] of [
    [
      "the epoch, without a memory of its own",
      moduleOf([0x41, 0, 0x41, 9, 0x36, 2, 0]),
      /a use of one of 0 memories at byte 27/,
    ],
    ["the epoch, as memory 1", moduleOf([0x41, 0, 0x41, 9, 0x36, 0x42, 1, 0], memory), /a use of one of 1 memories/],
    ["the epoch, by memory.size", moduleOf([0x3f, 1, 0x1a], memory), /a use of one of 1 memories/],
    [
      "the epoch, by memory.fill",
      moduleOf([0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0b, 1], memory),
      /a use of one of 1 memories/,
    ],
    [
      "the epoch, by memory.copy",
      moduleOf([0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x0a, 0, 1], memory),
      /a use of one of 1 memories/,
    ],
    ["the epoch, by a lane", moduleOf([0xfd, 0x54, 0x40, 1, 0, 0], memory), /a use of one of 1 memories/],
    ["the epoch, by an atomic access", moduleOf([0xfe, 0x10, 0x42, 1, 0], memory), /a use of one of 1 memories/],
    [
      "the epoch, by an export",
      moduleOf([], [0x07, 0x05, 0x01, 0x01, 0x6d, 0x02, 0x00]),
      /export "m" names memory 0 of 0/,
    ],
    ["the deadline", moduleOf([0x41, 0, 0x24, 0]), /a global index below 0 at byte 26/],
    ["an added function", moduleOf([0x10, 1]), /a function index below 1 at byte 24/],
    ["an added function, by reference", moduleOf([0xd2, 1, 0x1a]), /a function index below 1/],
    [
      "an added function, by an element",
      moduleOf([], [0x09, 0x05, 0x01, 0x01, 0x00, 0x01, 0x01]),
      /a function index below 1/,
    ],
    ["an added function, by start", moduleOf([], [0x08, 0x01, 0x01]), /start names function 1/],
    ["an added type", moduleOf([0x41, 0, 0x11, 1, 0], [0x04, 0x04, 0x01, 0x70, 0x00, 0x01]), /Invalid module/],
    ["no table", moduleOf([0x41, 0, 0xd0, 0x70, 0x26, 0]), /a table index below 0/],
    ["no segment", moduleOf([0xfc, 0x0d, 0]), /a element segment index below 0/],
    ["beyond a body's end", moduleOf([0x43]), /expected a constant \(4 bytes\) at byte 24/],
    ["a body without end", moduleOf([0x41]), /^Invalid module: .*must end with "end"/],
    [
      "a body beyond the code",
      Uint8Array.from([...PREAMBLE, ...FUNCTION, 0x0a, 0x03, 0x01, 0x7f, 0x00]),
      /a function body at byte 21/,
    ],
  ] as const) {
    test(name, () => assert.throws(() => instrument(bytes), { name: "SyntaxError", message }));
  }

  test("the epoch, by a data segment", () => {
    const data = Uint8Array.from([...PREAMBLE, 0x0b, 0x07, 0x01, 0x00, 0x41, 0x00, 0x0b, 0x01, 0x55]);

    assert.throws(() => instrument(data), { name: "SyntaxError", message: /a use of one of 0 memories/ });
  });
});
