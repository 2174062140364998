import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type EncodedRecords, formatTimestamp, LineEncoder, MAX_RECORD_BYTES, parseRecord } from "./format.ts";

const TIME = "2026-11-24T15:45:01.007000000Z";
const text = (records: EncodedRecords) => records.bytes.toString();
/** Records without their newlines. */
const split = ({ bytes, count }: EncodedRecords): string[] => {
  const lines = bytes.toString("latin1").split("\n").slice(0, -1);
  assert.equal(lines.length, count);
  return lines;
};

test("formatTimestamp() writes nine digits", () =>
  assert.equal(formatTimestamp(Date.UTC(2026, 10, 24, 15, 45, 1, 7)), TIME));

test("LineEncoder holds a line until its newline comes", () => {
  const encoder = new LineEncoder("stdout");

  assert.equal(text(encoder.encode(Buffer.from("one\ntw"), TIME)), `${TIME} stdout F one\n`);
  assert.equal(text(encoder.encode(Buffer.from("o\n\n"), TIME)), `${TIME} stdout F two\n${TIME} stdout F \n`);
  assert.equal(text(encoder.end(TIME)), "");
});

test("LineEncoder.end() tells a line that never got its newline", () => {
  const encoder = new LineEncoder("stderr");
  encoder.encode(Buffer.from("last"), TIME);

  assert.equal(text(encoder.end(TIME)), `${TIME} stderr F last\n`);
  assert.equal(text(encoder.end(TIME)), "");
});

for (const [length, tags] of [
  [MAX_RECORD_BYTES - 1, "F"],
  [MAX_RECORD_BYTES, "F"],
  [MAX_RECORD_BYTES + 1, "PF"],
  [2 * MAX_RECORD_BYTES, "PF"],
  [2 * MAX_RECORD_BYTES + 1, "PPF"],
] as const) {
  test(`LineEncoder writes a line of ${length} bytes as ${tags}`, () => {
    const records = new LineEncoder("stdout").encode(Buffer.from(`${"x".repeat(length)}\n`), TIME);
    const parsed = split(records).map((record) => parseRecord(record));

    assert.equal(parsed.map((record) => (record?.isPartial ? "P" : "F")).join(""), tags);
    assert.equal(parsed.map((record) => record?.text).join(""), "x".repeat(length));
  });
}

test("LineEncoder gives back every line, however the bytes arrive", () => {
  const chunks = fc.array(fc.oneof(fc.string(), fc.constant("\n"), fc.constant("y".repeat(MAX_RECORD_BYTES))), {
    maxLength: 20,
  });

  fc.assert(
    fc.property(chunks, (written) => {
      const encoder = new LineEncoder("stdout");
      const lines = [...written.map((chunk) => encoder.encode(Buffer.from(chunk), TIME)), encoder.end(TIME)].flatMap(
        split,
      );
      let read = "";
      for (const line of lines) {
        const { text: part = "", isPartial } = parseRecord(line) ?? {};
        assert.ok(part.length <= MAX_RECORD_BYTES);
        read += part + (isPartial ? "" : "\n");
      }
      const whole = Buffer.from(written.join("")).toString("latin1");
      assert.equal(read, whole === "" || whole.endsWith("\n") ? whole : `${whole}\n`);
    }),
  );
});

test("parseRecord() reads what CRI runtimes write and nothing else", () => {
  assert.deepEqual(parseRecord(`${TIME} stderr P a b`), {
    timestamp: TIME,
    stream: "stderr",
    text: "a b",
    isPartial: true,
  });
  assert.deepEqual(parseRecord(`${TIME} stdout F:x `)?.text, "");
  for (const line of ["", "hello", `${TIME} stdout X text`, `${TIME} stdin F text`])
    assert.equal(parseRecord(line), undefined);
});
