import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { instantiate, wat } from "../../test/wasm-spec/wat.ts";
import { ByteReader } from "./byte-reader.ts";
import { HOST_EXPORTS, HOST_IMPORTS, HOST_MODULE, instrument } from "./index.ts";
import { readSections, SECTION } from "./sections.ts";

const CALLS_AND_LOOPS = `(module
  (func $leaf)
  (func (export "call") (call $leaf) (call $leaf))
  (func (export "loop") (param i32)
    (loop $again
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $again (local.get 0)))))`;

test("a check stands at every function entry and loop head", () => {
  const instance = instantiate(wat(CALLS_AND_LOOPS));
  instance.setEpoch(1);

  instance.call("call");
  assert.equal(instance.overruns, 3);

  instance.call("loop", 10);
  assert.equal(instance.overruns, 3 + 1 + 10);
});

for (const [epoch, deadline, isPast] of [
  [10, 10, false],
  [11, 10, true],
  [9, 10, false],
  [-2_147_483_648, 2_147_483_647, true],
  [2_147_483_647, -2_147_483_648, false],
  [5, -5, true],
] as const) {
  test(`a check finds epoch ${epoch} ${isPast ? "past" : "within"} deadline ${deadline}`, () => {
    const instance = instantiate(wat(`(module (func (export "run")))`));
    instance.setEpoch(epoch);
    instance.global("deadline").value = deadline;

    instance.call("run");

    assert.equal(instance.overruns, isPast ? 1 : 0);
  });
}

test("overrun may throw, which ends the guest", () => {
  const instance = instantiate(wat(`(module (func (export "spin") (loop (br 0))))`), {
    overrun: () => {
      if (instance.overruns === 1000) throw new Error("stopped");
    },
  });
  instance.setEpoch(1);

  assert.throws(() => instance.call("spin"), /stopped/);
});

test("a guest in an empty loop of optimised code sees the epoch that another thread advances", async () => {
  const { bytes } = instrument(wat(`(module (func (export "spin") (loop (br 0))))`));
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const cells = new Int32Array(epoch.buffer);
  const source = `
    require("node:v8").setFlagsFromString("--no-liftoff");
    const { bytes, epoch } = require("node:worker_threads").workerData;
    const host = { ${HOST_IMPORTS.epoch}: epoch, ${HOST_IMPORTS.overrun}() { throw new Error("overrun"); } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { ${HOST_MODULE}: host });
    exports["${HOST_EXPORTS.deadline}"].value = 1;
    Atomics.store(new Int32Array(epoch.buffer), 1, 1);
    Atomics.notify(new Int32Array(epoch.buffer), 1);
    exports.spin();`;
  const worker = new Worker(source, { eval: true, workerData: { bytes, epoch } });
  const ended = new Promise<Error>((resolve) => worker.once("error", resolve));
  await Atomics.waitAsync(cells, 1, 0).value;

  Atomics.store(cells, 0, 2);

  assert.equal((await ended).message, "overrun");
});

test("branch hints stand before the code and name the branches of the checks", () => {
  const { bytes } = instrument(wat(CALLS_AND_LOOPS));
  const sections = readSections(new ByteReader(bytes, 8));
  const at = sections.findIndex(({ id }) => id === SECTION.code);
  const [hints, code] = [sections[at - 1]!, sections[at]!];
  const reader = new ByteReader(bytes, hints.start, hints.end);
  const bodies = new ByteReader(bytes, code.start, code.end);
  bodies.u32("a count");

  assert.equal(reader.name("a name"), "metadata.code.branch_hint");
  assert.equal(reader.u32("a count"), 3);
  for (const [index, branches] of [1, 1, 2].entries()) {
    const size = bodies.u32("a size");
    assert.equal(reader.u32("a function"), index + 1);
    assert.equal(reader.u32("a count"), branches);
    for (let branch = 0; branch < branches; branch++) {
      assert.equal(bytes[bodies.offset + reader.u32("an offset")], 0x04);
      assert.deepEqual([reader.u8("a size"), reader.u8("a hint")], [1, 0]);
    }
    bodies.skip(size, "a body");
  }
  reader.finish("the hints");
});
