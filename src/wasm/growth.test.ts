import assert from "node:assert/strict";
import { test } from "node:test";
import { instantiate, type InstrumentedInstance, wat } from "../../test/wasm-spec/wat.ts";

const GROWS = (limits: string): Uint8Array =>
  wat(`(module (memory (export "memory") ${limits})
    (func (export "size") (result i32) memory.size)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "store") (param i32) (i32.store (local.get 0) (i32.const 1))))`);

function sizes(instance: InstrumentedInstance): { size: unknown; pages: unknown; mapped: number; refused: unknown } {
  return {
    size: instance.call("size"),
    pages: instance.global("pages").value,
    mapped: instance.memory.buffer.byteLength / 65_536,
    refused: instance.global("refusedPages").value,
  };
}

test("memory.grow grows the mapped memory and answers the old size", () => {
  const instance = instantiate(GROWS("1 10"));

  assert.equal(instance.call("grow", 3), 1);
  assert.equal(instance.call("grow", 0), 4);
  instance.call("store", 4 * 65_536 - 4);

  assert.deepEqual(sizes(instance), { size: 4, pages: 4, mapped: 4, refused: 0 });
  assert.throws(() => instance.call("store", 4 * 65_536), /memory access out of bounds/);
});

test("memory.grow within what an earlier run has grown maps nothing", () => {
  const instance = instantiate(GROWS("1 10"));
  instance.call("grow", 5);
  instance.global("pages").value = 1;

  assert.equal(instance.call("grow", 2), 1);
  assert.deepEqual(sizes(instance), { size: 3, pages: 3, mapped: 6, refused: 0 });

  assert.equal(instance.call("grow", 4), 3);
  assert.deepEqual(sizes(instance), { size: 7, pages: 7, mapped: 7, refused: 0 });
});

test("memory.grow beyond the module's own maximum is refused and noted", () => {
  const instance = instantiate(GROWS("1 4"));

  assert.equal(instance.call("grow", 4), -1);
  assert.deepEqual(sizes(instance), { size: 1, pages: 1, mapped: 1, refused: 5 });
});

test("memory.grow beyond the host's maximum is refused; the largest size stays noted", () => {
  const instance = instantiate(GROWS("1"));
  assert.equal(instance.global("maxPages").value, 65_536);
  instance.global("maxPages").value = 2;

  assert.equal(instance.call("grow", 1), 1);
  assert.equal(instance.call("grow", 7), -1);
  assert.equal(instance.call("grow", 1), -1);
  assert.deepEqual(sizes(instance), { size: 2, pages: 2, mapped: 2, refused: 9 });
});

test("memory.grow does not wrap around", () => {
  const instance = instantiate(GROWS("1"));

  assert.equal(instance.call("grow", -1), -1);
  assert.equal(instance.call("grow", -2), -1);

  assert.deepEqual(sizes(instance), { size: 1, pages: 1, mapped: 1, refused: -1 });
});

test("memory.grow that the engine refuses is noted too", () => {
  const instance = instantiate(GROWS("1"), { maxMappedPages: 2 });

  assert.equal(instance.call("grow", 2), -1);

  assert.deepEqual(sizes(instance), { size: 1, pages: 1, mapped: 1, refused: 3 });
});
