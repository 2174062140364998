import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { instantiate, type InstrumentedInstance, wat } from "../../test/wasm-spec/wat.ts";

/** Each export changes one kind of state; `look` tells of all. */
const STATEFUL = wat(`(module (memory (export "memory") 1 8) (table $t 4 8 funcref)
  (global $i (mut i32) (i32.const 1)) (global $l (mut i64) (i64.const 2)) (global $f (mut funcref) (ref.null func))
  (data $d "abcd") (elem $e func $one $two) (data (i32.const 16) "active") (elem (i32.const 0) func $one)
  (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
  (func $start (global.set $i (i32.add (global.get $i) (i32.const 5))) (memory.init $d (i32.const 32) (i32.const 0) (i32.const 2)))
  (start $start)
  (func (export "i") (param i32) (global.set $i (local.get 0)))
  (func (export "l") (param i32) (global.set $l (i64.extend_i32_s (local.get 0))))
  (func (export "f") (param i32) (global.set $f (table.get $t (i32.rem_u (local.get 0) (i32.const 4)))))
  (func (export "store") (param i32) (i32.store8 (i32.rem_u (local.get 0) (i32.const 65536)) (local.get 0)))
  (func (export "storeHigh") (param i32) (i32.store8 (i32.const 70000) (local.get 0)))
  (func (export "grow") (param i32) (drop (memory.grow (i32.rem_u (local.get 0) (i32.const 4)))))
  (func (export "fill") (param i32) (memory.fill (i32.const 40) (local.get 0) (i32.const 9)))
  (func (export "set") (param i32) (table.set $t (i32.const 1) (ref.func $two)))
  (func (export "tableFill") (param i32) (table.fill $t (i32.const 2) (ref.func $one) (i32.const 2)))
  (func (export "memoryInit") (param i32) (memory.init $d (i32.const 50) (i32.const 1) (i32.rem_u (local.get 0) (i32.const 5))))
  (func (export "tableInit") (param i32) (table.init $t $e (i32.const 1) (i32.const 0) (i32.rem_u (local.get 0) (i32.const 4))))
  (func (export "dataDrop") (param i32) (data.drop $d))
  (func (export "elemDrop") (param i32) (elem.drop $e))
  (func (export "indirect") (param i32) (result i32) (call_indirect $t (result i32) (i32.rem_u (local.get 0) (i32.const 5))))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "look") (param i32) (result i32 i64 i32 i32) (global.get $i) (global.get $l) (memory.size) (ref.is_null (global.get $f))))`);

const OPERATIONS =
  "i l f store storeHigh grow fill set tableFill memoryInit tableInit dataDrop elemDrop indirect load look".split(" ");

/** What the host saves of an instance before its start function, and how it puts it back, as `StateLayout` says. */
function saved(instance: InstrumentedInstance): () => void {
  const bytes = new Uint8Array(instance.memory.buffer).slice();
  const globals = instance.layout.globals.map(({ name }) => instance.exports[name] as WebAssembly.Global);
  const values = globals.map(({ value }) => value);
  const tables = instance.layout.tables.map((name) => instance.exports[name] as WebAssembly.Table);
  const entries = tables.map((table) => Array.from({ length: table.length }, (_, index) => table.get(index)));
  return () => {
    const memory = new Uint8Array(instance.memory.buffer);
    memory.set(bytes);
    memory.fill(0, bytes.length);
    for (const [index, global] of globals.entries()) global.value = values[index];
    for (const [index, table] of tables.entries()) entries[index]?.forEach((entry, at) => table.set(at, entry));
    instance.global("pages").value = instance.layout.memory?.minPages;
  };
}

function outcomes(instance: InstrumentedInstance, operations: readonly (readonly [string, number])[]): unknown[] {
  instance.call(instance.layout.start ?? "");
  return operations.map(([name, value]) => {
    try {
      return instance.call(name, value);
    } catch (error) {
      return String(error);
    }
  });
}

test("an instance whose saved state is put back does what a fresh one does", () => {
  const operation = fc.tuple(fc.constantFrom(...OPERATIONS), fc.nat({ max: 70_000 }));
  const run = fc.array(operation, { maxLength: 12 });
  const recycled = instantiate(STATEFUL);
  const restore = saved(recycled);
  assert.deepEqual(recycled.layout.freshOnly, []);
  fc.assert(
    fc.property(run, run, (first, second) => {
      outcomes(recycled, first);
      restore();
      // A plain access between the size that the guest sees and what is mapped does not trap (`HOST_EXPORTS.pages`).
      const isExact = ([name, value]: readonly [string, number]): boolean =>
        name !== "storeHigh" && !(name === "load" && value >= 65_536);
      const exact = second.filter(isExact);

      assert.deepEqual(outcomes(recycled, exact), outcomes(instantiate(STATEFUL), exact));
      restore();
    }),
    { numRuns: 200 },
  );
});
