import assert from "node:assert/strict";
import { test } from "node:test";
import { checkMutations, seedModules } from "../../test/wasm-spec/mutation.ts";

test("readModule() and instrument() answer or refuse mutated modules, and what comes out is valid", () => {
  const seeds = seedModules().filter(({ length }) => length < 60_000);

  const instrumented = checkMutations(seeds, 10_000);

  assert.ok(instrumented > 200, `only ${instrumented} mutated modules were instrumented`);
});
