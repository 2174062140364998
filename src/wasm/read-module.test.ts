import assert from "node:assert/strict";
import { test } from "node:test";
import { wat } from "../../test/wasm-spec/wat.ts";
import { readModule } from "./read-module.ts";

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const module = (...bytes: number[]): Uint8Array => Uint8Array.from([...PREAMBLE, ...bytes]);

test("readModule() tells imports, exports, memories, tables, globals, start and custom sections", () => {
  const bytes = wat(`(module
    (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
    (import "env" "limit" (global i64))
    (memory (export "memory") 2 16)
    (table (export "functions") 3 funcref)
    (global (mut i32) (i32.const 1))
    (global f64 (f64.const 1))
    (func $start)
    (func (export "_start"))
    (func (export "swap") (param i32 i64) (result i64 i32) local.get 1 local.get 0)
    (start $start))`);

  const { customSections, codeBytes, ...info } = readModule(bytes);

  const type = { params: [], results: [] };
  assert.deepEqual(info, {
    imports: [
      { module: "wasi_snapshot_preview1", name: "proc_exit", kind: "function", type: { params: ["i32"], results: [] } },
      { module: "env", name: "limit", kind: "global" },
    ],
    exports: [
      { name: "memory", kind: "memory" },
      { name: "functions", kind: "table" },
      { name: "_start", kind: "function", type },
      { name: "swap", kind: "function", type: { params: ["i32", "i64"], results: ["i64", "i32"] } },
    ],
    memories: [{ min: 2, max: 16, isImported: false, isShared: false, is64: false }],
    tables: [{ min: 3, isImported: false, isShared: false, is64: false, element: "funcref" }],
    mutableGlobals: ["i32"],
    functions: 3,
    hasStart: true,
    usesCollectedHeap: false,
  });
  assert.deepEqual(
    customSections.map(({ name }) => name),
    ["name"],
  );
  assert.ok(codeBytes > 0);
});

test("readModule() reads types of the collected heap and 64-bit and shared memories", () => {
  const types = [
    0x01, 0x13, 0x02, 0x4e, 0x02, 0x50, 0x00, 0x5f, 0x01, 0x78, 0x01, 0x4f, 0x01, 0x00, 0x5e, 0x64, 0x00, 0x00, 0x60,
    0x00, 0x00,
  ];
  const memory = [0x05, 0x04, 0x01, 0x07, 0x01, 0x02];

  const info = readModule(module(...types, ...memory));

  assert.equal(info.usesCollectedHeap, true);
  assert.deepEqual(info.memories, [{ min: 1, max: 2, isImported: false, isShared: true, is64: true }]);
});

for (const [name, bytes, message] of [
  ["a truncated section", module(0x01, 0x05, 0x00), /expected the contents of section 1 \(5 bytes\) at byte 10/],
  ["a section twice", module(0x01, 0x01, 0x00, 0x01, 0x01, 0x00), /expected section 1 once and in order at byte 11/],
  ["sections out of order", module(0x03, 0x01, 0x00, 0x01, 0x01, 0x00), /expected section 1 once and in order/],
  ["bytes after a section's contents", module(0x01, 0x02, 0x00, 0x00), /expected the end of section 1 at byte 11/],
  ["a count beyond the section", module(0x03, 0x01, 0x7f), /expected 127 functions at byte 10/],
  ["a count beyond the limit", module(0x01, 0x03, 0xff, 0xff, 0x3f), /expected at most 100000 types, not 1048575/],
  ["functions without bodies", module(0x03, 0x02, 0x01, 0x00), /expected 1 function bodies, found 0/],
  ["a wrong data count", module(0x0c, 0x01, 0x02), /expected 2 data segments, found 0/],
  ["an unknown kind of export", module(0x07, 0x04, 0x01, 0x00, 0x09, 0x00), /kind of an import or export at byte 12/],
  ["an export of no function", module(0x07, 0x04, 0x01, 0x00, 0x00, 0x05), /an export names function 5/],
  ["a name that is not UTF-8", module(0x00, 0x02, 0x01, 0xff), /expected the name of a custom section in UTF-8/],
  ["an import of no type", module(0x02, 0x05, 0x01, 0x00, 0x00, 0x00, 0x07), /type 7 is not a function type/],
  ["flags of a memory", module(0x05, 0x03, 0x01, 0x10, 0x00), /expected the flags of a memory at byte 11/],
  ["a global's mutability", module(0x06, 0x06, 0x01, 0x7f, 0x02, 0x41, 0x00, 0x0b), /a global's mutability at byte 12/],
  ["the kind of an element segment", module(0x09, 0x02, 0x01, 0x08), /the kind of an element segment at byte 11/],
  ["the kind of a data segment", module(0x0b, 0x02, 0x01, 0x03), /the kind of a data segment at byte 11/],
  ["a component", Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), /expected a core module.* found a component/],
  ["no WebAssembly", Buffer.from("#!/bin/sh\n"), /found no WebAssembly/],
] as const) {
  test(`readModule() refuses ${name}`, () => assert.throws(() => readModule(bytes), { name: "SyntaxError", message }));
}

for (const [name, bytes, message] of [
  ["a section of unknown kind", module(0x0e, 0x00), /section of unknown kind 14 at byte 8/],
  ["a type of unknown form", module(0x01, 0x02, 0x01, 0x5d), /type of unknown form 0x5d at byte 11/],
] as const) {
  test(`readModule() does not support ${name}`, () =>
    assert.throws(() => readModule(bytes), { name: "UnsupportedModuleError", message }));
}

test("readModule() refuses a module above the limit", () =>
  assert.throws(() => readModule(module(), { maxModuleBytes: 7 }), {
    name: "SyntaxError",
    message: "Module of 8 bytes is larger than the limit of 7 bytes",
  }));
