import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzAnswers, openDescriptors } from "./answers-fuzz.ts";

test("many calls that end in any way leave no descriptor open", async () => {
  await fuzzAnswers(500);
  const before = openDescriptors();

  await fuzzAnswers(4_000);

  assert.ok(openDescriptors() <= before, `${openDescriptors()} descriptors are open, ${before} were before`);
});
