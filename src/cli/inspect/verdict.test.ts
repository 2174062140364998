import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { mutations, seedModules } from "../../../test/wasm-spec/mutation.ts";
import { judge } from "./verdict.ts";

test("judge() finds a module runnable or says why not, whatever its bytes are", () => {
  const seeds = seedModules().filter(({ length }) => length < 60_000);
  const bytes = fc.oneof(
    fc.tuple(fc.constantFrom(...seeds), mutations).map(([seed, mutate]) => mutate(seed)),
    fc.uint8Array({ maxLength: 200 }),
  );

  fc.assert(
    fc.property(bytes, (each) => {
      const { verdict, runnable } = judge(each);

      assert.equal(runnable === undefined, verdict.problems.length > 0);
      assert.equal(verdict.freshInstances === undefined, runnable === undefined);
    }),
    { numRuns: 2_000 },
  );
});
