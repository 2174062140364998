import assert from "node:assert/strict";
import { test } from "node:test";
import { byteSize, count, durationMs, ipRange, pair, repeated } from "./values.ts";

test("durationMs() reads a number with a unit and nothing else", () => {
  assert.deepEqual(
    ["500ms", "30s", "1.5m", "2h"].map((text) => durationMs(text)),
    [500, 30_000, 90_000, 7_200_000],
  );
  for (const text of ["", "30", "s", "-1s", "1d", "1 s"]) assert.throws(() => durationMs(text), /500ms/, text);
});

test("byteSize() reads whole bytes as Kubernetes writes them", () => {
  assert.deepEqual(
    ["1", "64Ki", "10Mi", "1G"].map((text) => byteSize(text)),
    [1, 65_536, 10_485_760, 1e9],
  );
  for (const text of ["", "0", "-1", "0.5", "1MB", "1e30"]) assert.throws(() => byteSize(text), /10Mi/, text);
});

test("count() takes whole numbers from 1", () => {
  assert.equal(count("12"), 12);
  for (const text of ["0", "-1", "1.5", "x", "9999999999"]) assert.throws(() => count(text), /at least 1/, text);
});

test("ipRange() takes addresses and ranges of them", () => {
  for (const text of ["127.0.0.1", "10.0.0.0/8", "::1"]) assert.equal(ipRange(text), text);
  for (const text of ["", "localhost", "10.0.0.0/33"]) assert.throws(() => ipRange(text), /a range of them/, text);
});

test("pair() splits at the first equals sign", () => {
  assert.deepEqual(pair("A=b=c", "NAME"), ["A", "b=c"]);
  assert.throws(() => pair("=b", "NAME"), /NAME=VALUE/);
});

test("repeated() collects values in order", () => assert.deepEqual(repeated(count)("2", [1]), [1, 2]));
