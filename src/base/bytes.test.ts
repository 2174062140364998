import assert from "node:assert/strict";
import { test } from "node:test";
import { concatBytes, formatBytes } from "./bytes.ts";

test("formatBytes() picks the unit that people expect", () => {
  assert.deepEqual(
    [0, 1023, 1024, 1536, 268_435_456, 2 ** 60].map((bytes) => formatBytes(bytes)),
    ["0 B", "1023 B", "1 KiB", "1.5 KiB", "256 MiB", "1048576 TiB"],
  );
});

test("concatBytes() joins chunks in order and does not copy a single one", () => {
  const only = Uint8Array.of(7);

  assert.deepEqual(concatBytes([]), new Uint8Array(0));
  assert.equal(concatBytes([only]), only);
  assert.deepEqual(concatBytes([Uint8Array.of(1, 2), only]), Uint8Array.of(1, 2, 7));
});
