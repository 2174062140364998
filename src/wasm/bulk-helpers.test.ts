import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { instantiate, type InstrumentedInstance, wat } from "../../test/wasm-spec/wat.ts";
import { PIECE_BYTES, PIECE_ENTRIES } from "./bulk-helpers.ts";

const PAGES = 64;
const MEMORY_BYTES = PAGES * 65_536;
const SEGMENT = Array.from({ length: 40 }, (_, index) => index + 1);

const MEMORY = wat(`(module (memory (export "memory") ${PAGES})
  (data $passive "${SEGMENT.map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("")}")
  (data $active (i32.const 0) "abc")
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32) (memory.init $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "initActive") (param i32 i32 i32) (memory.init $active (local.get 0) (local.get 1) (local.get 2)))
  (func (export "drop") (data.drop $passive))
  (func (export "dropActive") (data.drop $active)))`);

const TABLE_SIZE = 3 * PIECE_ENTRIES;
const TABLE = wat(`(module (table (export "table") ${TABLE_SIZE} ${TABLE_SIZE} externref) (table $functions 10 funcref)
  (elem $passive func $one $two) (elem $declared declare func $one)
  (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
  (func (export "fill") (param i32 externref i32) (table.fill 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (table.copy 0 0 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "set") (param i32 externref) (table.set 0 (local.get 0) (local.get 1)))
  (func (export "init") (param i32 i32 i32) (table.init $functions $passive (local.get 0) (local.get 1) (local.get 2)))
  (func (export "initDeclared") (param i32 i32 i32) (table.init $functions $declared (local.get 0) (local.get 1) (local.get 2)))
  (func (export "call") (param i32) (result i32) (call_indirect $functions (result i32) (local.get 0)))
  (func (export "drop") (elem.drop $passive)))`);

function numbered(instance: InstrumentedInstance): Uint8Array {
  const bytes = new Uint8Array(instance.memory.buffer);
  for (let index = 0; index < bytes.length; index += 4096) bytes[index + ((index >> 12) % 4096)] = index >> 12;
  return bytes;
}

describe("memory operations in pieces", () => {
  const instance = instantiate(MEMORY);
  const bytes = numbered(instance);
  const range = fc.tuple(
    fc.oneof(fc.nat({ max: MEMORY_BYTES }), fc.nat({ max: 100 })),
    fc.oneof(fc.nat({ max: MEMORY_BYTES }), fc.nat({ max: 100 })),
    fc.oneof(fc.nat({ max: MEMORY_BYTES + 10 }), fc.constantFrom(0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES)),
  );

  test("memory.copy copies as one operation does, overlapping ranges too, and traps before it writes", () => {
    fc.assert(
      fc.property(range, ([to, from, length]) => {
        const expected = bytes.slice();
        const isInside = Math.max(to, from) + length <= MEMORY_BYTES;
        if (isInside) expected.copyWithin(to, from, from + length);

        if (isInside) instance.call("copy", to, from, length);
        else assert.throws(() => instance.call("copy", to, from, length), /memory access out of bounds/);

        assert.ok(Buffer.compare(expected, bytes) === 0);
      }),
      { numRuns: 60 },
    );
  });

  test("memory.fill fills as one operation does and traps before it writes", () => {
    fc.assert(
      fc.property(range, ([to, value, length]) => {
        const expected = bytes.slice();
        const isInside = to + length <= MEMORY_BYTES;
        if (isInside) expected.fill(value, to, to + length);

        if (isInside) instance.call("fill", to, value, length);
        else assert.throws(() => instance.call("fill", to, value, length), /memory access out of bounds/);

        assert.ok(Buffer.compare(expected, bytes) === 0);
      }),
      { numRuns: 60 },
    );
  });

  test("a check stands before each piece, none for a short operation", () => {
    const checked = instantiate(MEMORY);
    checked.setEpoch(1);
    const checksOf = (operation: string, ...args: number[]): number => {
      const before = checked.overruns;
      checked.call(operation, ...args);
      return checked.overruns - before - 1;
    };

    assert.equal(checksOf("fill", 0, 0, PIECE_BYTES), 0);
    assert.equal(checksOf("fill", 0, 0, PIECE_BYTES + 1), 1);
    assert.equal(checksOf("fill", 0, 0, MEMORY_BYTES), 3);
    assert.equal(checksOf("copy", 0, 5, MEMORY_BYTES - 5), 3);
    assert.equal(checksOf("copy", 5, 0, MEMORY_BYTES - 5), 3);
  });

  test("memory operations end where memory.size says, also where more is mapped", () => {
    const small = instantiate(MEMORY);
    small.global("pages").value = 1;

    small.call("fill", 0, 1, 65_536);
    assert.throws(() => small.call("fill", 0, 1, 65_537), /memory access out of bounds/);
    assert.throws(() => small.call("copy", 65_536, 0, 1), /memory access out of bounds/);
    assert.throws(() => small.call("copy", 0, 65_536, 1), /memory access out of bounds/);
    assert.throws(() => small.call("init", 65_536, 0, 1), /memory access out of bounds/);
    assert.throws(() => small.call("fill", -1, 1, -1), /memory access out of bounds/);
  });
});

test("memory.init copies from a passive segment until it is dropped; a flag brings it back", () => {
  const instance = instantiate(MEMORY);
  const bytes = new Uint8Array(instance.memory.buffer);
  const flag = instance.exports["wasipool:dropped-data-0"] as WebAssembly.Global;

  instance.call("init", 100, 1, 39);
  assert.deepEqual([...bytes.subarray(100, 140)], [...SEGMENT.slice(1), 0]);
  assert.throws(() => instance.call("init", 0, 1, 40), /memory access out of bounds/);

  instance.call("drop");
  instance.call("drop");
  instance.call("init", 0, 0, 0);
  assert.throws(() => instance.call("init", 0, 0, 1), /memory access out of bounds/);
  assert.throws(() => instance.call("init", 0, 1, 0), /memory access out of bounds/);
  assert.deepEqual(
    instance.layout.globals.map(({ name }) => name),
    ["wasipool:dropped-data-0"],
  );

  flag.value = 0;
  instance.call("init", 0, 0, 1);
  assert.equal(bytes[0], 1);
});

test("memory.init from an active segment finds it dropped, and dropping it again changes nothing", () => {
  const instance = instantiate(MEMORY);

  instance.call("dropActive");
  instance.call("initActive", 0, 0, 0);

  assert.throws(() => instance.call("initActive", 0, 0, 1), /memory access out of bounds/);
});

describe("table operations in pieces", () => {
  const instance = instantiate(TABLE);
  const table = instance.exports["table"] as WebAssembly.Table;
  const entries = (): unknown[] => Array.from({ length: 20 }, (_, index) => table.get(index * 9000));

  test("table.fill fills all and traps before it writes", () => {
    instance.setEpoch(1);
    instance.call("fill", 0, "a", TABLE_SIZE);

    assert.equal(instance.overruns, 1 + 2);
    assert.deepEqual(entries(), Array(20).fill("a"));
    assert.throws(() => instance.call("fill", 1, "b", TABLE_SIZE), /table index is out of bounds/);
    assert.deepEqual(entries(), Array(20).fill("a"));
  });

  for (const [name, from, to] of [
    ["upwards", 0, 1],
    ["downwards", 1, 0],
  ] as const) {
    test(`table.copy copies overlapping ranges ${name}`, () => {
      for (let index = 0; index < TABLE_SIZE; index += 1000) instance.call("set", index + from, index);

      instance.call("copy", to, from, TABLE_SIZE - 1);

      for (let index = 0; index < TABLE_SIZE; index += 1000) assert.equal(table.get(index + to), index);
      assert.throws(() => instance.call("copy", to, from, TABLE_SIZE), /table index is out of bounds/);
    });
  }

  test("table.init copies from a passive segment until it is dropped", () => {
    const flag = instance.exports["wasipool:dropped-element-0"] as WebAssembly.Global;

    instance.call("init", 3, 0, 2);
    assert.deepEqual([instance.call("call", 3), instance.call("call", 4)], [1, 2]);
    assert.throws(() => instance.call("init", 9, 0, 2), /table index is out of bounds/);
    assert.throws(() => instance.call("init", 0, 1, 2), /element segment out of bounds/);

    instance.call("drop");
    instance.call("init", 0, 0, 0);
    assert.throws(() => instance.call("init", 0, 0, 1), /element segment out of bounds/);
    assert.throws(() => instance.call("initDeclared", 0, 0, 1), /element segment out of bounds/);

    flag.value = 0;
    instance.call("init", 0, 1, 1);
    assert.equal(instance.call("call", 0), 2);
  });

  test("changed tables are saved", () =>
    assert.deepEqual(instance.layout.tables, ["wasipool:table-0", "wasipool:table-1"]));
});
