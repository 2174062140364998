import assert from "node:assert/strict";
import { test } from "node:test";
import type { StateLayout } from "../../wasm/index.ts";
import { wat } from "../testing/fixture.ts";
import { MAX_RESTORED_TABLE_ENTRIES, SavedState } from "./saved-state.ts";

function exportsOf(fields: string): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(wat(`(module ${fields})`))).exports;
}

function layout(changes: Partial<StateLayout>): StateLayout {
  return { version: 1, globals: [], tables: [], freshOnly: [], ...changes };
}

test("SavedState.restore() puts globals and table entries back", () => {
  const exports = exportsOf(
    `(global (export "g") (mut i64) (i64.const -5)) (table (export "t") 2 funcref) (elem (i32.const 0) $f) (func $f)`,
  );
  const saved = new SavedState(exports, layout({ globals: [{ name: "g", type: "i64" }], tables: ["t"] }));
  const global = exports["g"] as WebAssembly.Global;
  const table = exports["t"] as WebAssembly.Table;
  const first = table.get(0);

  global.value = 9n;
  table.set(1, first);
  table.set(0, null);

  assert.equal(saved.restore(), true);
  assert.equal(global.value, -5n);
  assert.equal(table.get(0), first);
  assert.equal(table.get(1), null);
});

test("SavedState.restore() gives up a table that has grown", () => {
  const exports = exportsOf(`(table (export "t") 1 4 funcref)`);
  const saved = new SavedState(exports, layout({ tables: ["t"] }));

  (exports["t"] as WebAssembly.Table).grow(1);

  assert.equal(saved.restore(), false);
});

test("SavedState names what cannot be put back", () => {
  const nan = exportsOf(`(global (export "g") (mut f32) (f32.const nan:0x200001))`);
  assert.match(new SavedState(nan, layout({ globals: [{ name: "g", type: "f32" }] })).obstacle ?? "", /NaN/);

  for (const [entries, expected] of [
    [MAX_RESTORED_TABLE_ENTRIES, /^$/],
    [MAX_RESTORED_TABLE_ENTRIES + 1, /4097 entries, more than 4096/],
  ] as const) {
    const exports = exportsOf(`(table (export "t") ${entries} funcref)`);
    assert.match(new SavedState(exports, layout({ tables: ["t"] })).obstacle ?? "", expected);
  }
});

test("SavedState refuses a module that was not instrumented", () => {
  assert.throws(() => new SavedState({}, layout({ tables: ["t"] })), /no export "t"; it must be instrumented/);
});
