// Many mutations of real modules. WASM_MODULES may name a folder of further ones, at any depth.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { runMutatedGuests } from "./mutated-guests.ts";
import { checkMutations, seedModules } from "./mutation.ts";
import { retainedBytes } from "./retained-bytes.ts";

const MAX_SEED_BYTES = 200_000;
/** What may be left behind by all cases of a test: caches of code and types. */
const MAX_GROWTH_BYTES = 16 * 1024 * 1024;

test("readModule() and instrument() answer or refuse many mutated modules, and keep nothing of them", async () => {
  const folder = process.env["WASM_MODULES"];
  const files = folder === undefined ? [] : globSync("**/*.wasm", { cwd: folder });
  const further = files.map((file) => readFileSync(path.join(folder ?? "", file)));
  const seeds = [...seedModules(), ...further.filter(({ length }) => length <= MAX_SEED_BYTES)];
  checkMutations(seeds, 2_000);
  const before = await retainedBytes();

  const instrumented = checkMutations(seeds, 100_000);

  assert.ok(instrumented > 2_000, `only ${instrumented} mutated modules were instrumented`);
  const growth = (await retainedBytes()) - before;
  assert.ok(growth < MAX_GROWTH_BYTES, `${growth} bytes more are held`);
});

test("many mutated modules end when they are run, and nothing is kept of them", async () => {
  await runMutatedGuests(10_000);
  const before = await retainedBytes();

  const guests = await runMutatedGuests(100_000);

  assert.ok(guests > 2_000, `only ${guests} mutated guests were run`);
  const growth = (await retainedBytes()) - before;
  assert.ok(growth < MAX_GROWTH_BYTES, `${growth} bytes more are held`);
});
