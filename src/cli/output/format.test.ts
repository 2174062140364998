import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRecords } from "./format.ts";

const view = { headings: ["name"], row: (record: { name: string }) => [record.name] };

test("formatRecords() writes the same records as table, JSON and YAML", () => {
  const records = [{ name: "hello", size: 251n }];

  assert.equal(formatRecords("table", records, view), "NAME\nhello");
  assert.equal(formatRecords("json", records, view), '[\n  {\n    "name": "hello",\n    "size": "251"\n  }\n]');
  assert.equal(formatRecords("yaml", records, view), "- name: hello\n  size: 251");
});
