import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable } from "./table.ts";

test("formatTable() lines columns up under upper-case headings without trailing spaces", () => {
  const text = formatTable(
    ["name", "ready"],
    [
      ["krustlet-wagi-demo", "5/5"],
      ["a", ""],
    ],
  );

  assert.equal(text, "NAME                 READY\nkrustlet-wagi-demo   5/5\na");
});

test("formatTable() does not count colours as width", () => {
  const text = formatTable(["a", "b"], [["\u001B[32mok\u001B[39m", "x"]]);

  assert.equal(text, "A    B\n\u001B[32mok\u001B[39m   x");
});
