import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzAnswers } from "./answers-fuzz.ts";

test("a guest gets an answer or a code, whatever bytes a server sends", async () => {
  const answered = await fuzzAnswers(300);

  assert.ok(answered > 20, `only ${answered} answers were read`);
});
