import assert from "node:assert/strict";
import { test } from "node:test";
import { Collected } from "../testing/fixture.ts";
import { HeldOutput, HeldOutputFull } from "./held-output.ts";
import { KeptInput } from "./kept-input.ts";

const bytes = (text: string) => Buffer.from(text);

test("HeldOutput passes everything on at once, and nothing twice", () => {
  const held = new HeldOutput(100_000);
  const sink = new Collected();
  for (let i = 0; i < 10; i++) held.write(bytes("x".repeat(5000)));

  held.commit(sink);
  held.commit(sink);

  assert.deepEqual(sink.chunks, [bytes("x".repeat(50_000))]);
});

test("HeldOutput passes on nothing after discard()", () => {
  const held = new HeldOutput(10);
  const sink = new Collected();
  held.write(bytes("no"));
  held.discard();
  held.write(bytes("yes"));
  held.commit(sink);

  assert.equal(sink.text, "yes");
});

test("HeldOutput holds up to its maximum", () => {
  const held = new HeldOutput(4);
  held.write(bytes("1234"));
  assert.throws(() => held.write(bytes("5")), HeldOutputFull);
});

test("HeldOutput keeps no copy of a large output", () => {
  const held = new HeldOutput(8 * 1024 * 1024);
  const sink = new Collected();
  held.write(Buffer.alloc(3 * 1024 * 1024, "a"));
  held.commit(sink);
  held.write(bytes("b"));
  held.commit(sink);

  assert.deepEqual(sink.chunks[1], bytes("b"));
});

function sourceOf(...chunks: readonly (Uint8Array | Promise<Uint8Array>)[]) {
  const left = [...chunks];
  return { read: () => left.shift() ?? new Uint8Array(0) };
}

test("KeptInput.replay() reads the same again, then what follows", async () => {
  const input = new KeptInput(sourceOf(bytes("first"), Promise.resolve(bytes("second")), bytes("third")));
  assert.deepEqual(input.read(10), bytes("first"));
  assert.deepEqual(await input.read(10), bytes("second"));

  const replay = input.replay();

  assert.deepEqual(replay.read(3), bytes("fir"));
  assert.deepEqual(replay.read(10), bytes("st"));
  assert.deepEqual(await replay.read(2), bytes("se"));
  assert.deepEqual(replay.read(10), bytes("cond"));
  assert.deepEqual(replay.read(10), bytes("third"));
  assert.deepEqual(replay.read(10), new Uint8Array(0));
});

test("KeptInput.replay() is the source itself when nothing was read", () => {
  const source = sourceOf();
  assert.equal(new KeptInput(source).replay(), source);
});
