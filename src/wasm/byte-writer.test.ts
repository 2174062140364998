import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { signed, unsigned } from "./assembler.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

test("ByteWriter and ByteReader agree on numbers and names", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 0xffff_ffff }),
      fc.integer(),
      fc.string({ unit: "grapheme" }),
      (number, integer, text) => {
        const writer = new ByteWriter(1);
        writer.u32(number);
        writer.raw(unsigned(number));
        writer.raw(signed(integer));
        writer.name(text.toWellFormed());
        const reader = new ByteReader(writer.view());

        assert.equal(reader.u32("a number"), number);
        assert.equal(reader.u32("a number"), number);
        assert.equal(reader.s33("an integer"), integer);
        assert.equal(reader.name("a name"), text.toWellFormed());
        reader.finish("everything");
      },
    ),
  );
});

test("ByteWriter.sized() writes the shortest length before the contents, whatever was expected", () => {
  fc.assert(
    fc.property(fc.nat({ max: 20_000 }), fc.nat({ max: 20_000 }), (size, expected) => {
      const writer = new ByteWriter(1);
      writer.u8(0xaa);
      writer.sized(() => writer.raw(new Uint8Array(size).fill(7)), expected);
      writer.u8(0xbb);
      const bytes = writer.view();

      assert.deepEqual([...bytes.subarray(0, 1 + unsigned(size).length)], [0xaa, ...unsigned(size)]);
      assert.equal(bytes.length, 2 + unsigned(size).length + size);
      assert.ok(bytes.subarray(1 + unsigned(size).length, -1).every((byte) => byte === 7));
      assert.equal(bytes.at(-1), 0xbb);
    }),
  );
});
