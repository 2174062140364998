import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteReader } from "./byte-reader.ts";

const reader = (...bytes: number[]): ByteReader => new ByteReader(Uint8Array.from(bytes));

for (const [bytes, value] of [
  [[0x00], 0],
  [[0x7f], 127],
  [[0x80, 0x01], 128],
  [[0x80, 0x00], 0],
  [[0xff, 0xff, 0xff, 0xff, 0x0f], 0xffff_ffff],
] as const) {
  test(`ByteReader.u32() reads ${bytes.join(" ")}`, () => assert.equal(reader(...bytes).u32("a number"), value));
}

for (const [name, bytes] of [
  ["a sixth byte", [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]],
  ["bits above the 32nd", [0x80, 0x80, 0x80, 0x80, 0x10]],
  ["the end of the module", [0x80]],
] as const) {
  test(`ByteReader.u32() refuses ${name}`, () =>
    assert.throws(() => reader(...bytes).u32("a number"), { name: "SyntaxError", message: /expected a number/ }));
}

for (const [bytes, value] of [
  [[0x40], -64],
  [[0x3f], 63],
  [[0xff, 0x00], 127],
  [[0x80, 0x7f], -128],
  [[0x80, 0x80, 0x80, 0x80, 0x70], -(2 ** 32)],
] as const) {
  test(`ByteReader.s33() reads ${value}`, () => assert.equal(reader(...bytes).s33("a type"), value));
}

test("ByteReader.u64() reads ten bytes and refuses eleven", () => {
  const nine = Array.from({ length: 9 }, () => 0x80);

  assert.equal(reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x01).u64("an offset"), 2 ** 35);
  assert.equal(reader(...nine, 0x01).u64("an offset"), 2 ** 63);
  assert.throws(() => reader(...nine, 0x80, 0x01).u64("an offset"), SyntaxError);
});

test("ByteReader.skipLeb() passes at most the given bytes", () => {
  const number = reader(0x80, 0x80, 0x00);

  number.skipLeb(3, "a number");

  assert.equal(number.offset, 3);
  assert.throws(() => reader(0x80, 0x80, 0x00).skipLeb(2, "a number"), SyntaxError);
  assert.throws(() => reader(0x80, 0x80, 0x80, 0x80, 0x80, 0x00).s33("a type"), SyntaxError);
});

test("ByteReader.name() reads UTF-8, a byte order mark too, and refuses what is none", () => {
  assert.equal(reader(2, 0xc3, 0xa9).name("a name"), "é");
  assert.equal(reader(3, 0xef, 0xbb, 0xbf).name("a name"), "\uFEFF");
  assert.throws(() => reader(1, 0xff).name("a name"), /expected a name in UTF-8 at byte 1/);
  assert.throws(() => reader(5, 0x61).name("a name"), /expected a name \(5 bytes\)/);
});

test("ByteReader.count() refuses more items than the limit or the bytes that are left", () => {
  assert.equal(reader(2, 0, 0).count(2, "things"), 2);
  assert.throws(() => reader(3, 0, 0, 0).count(2, "things"), /expected at most 2 things, not 3 at byte 0/);
  assert.throws(() => reader(3, 0, 0).count(9, "things"), /expected 3 things at byte 0/);
});

test("ByteReader.fail() tells the offset in the module, or its end", () => {
  const part = new ByteReader(Uint8Array.of(1, 2, 3, 4), 1, 3);

  assert.equal(part.u8("a byte"), 2);
  assert.equal(part.peek(), 3);
  part.skip(1, "a byte");
  assert.equal(part.peek(), -1);
  assert.throws(() => part.u8("a byte"), {
    message: "Malformed module: expected a byte at the end (offset 3 of 4)",
  });
});
