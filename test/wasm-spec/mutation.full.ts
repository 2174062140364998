// Many mutations of real modules. WASM_MODULES may name a folder of further ones, at any depth.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { checkMutations, seedModules } from "./mutation.ts";

const MAX_SEED_BYTES = 200_000;

test("readModule() and instrument() answer or refuse many mutated modules", () => {
  const folder = process.env["WASM_MODULES"];
  const files = folder === undefined ? [] : globSync("**/*.wasm", { cwd: folder });
  const further = files.map((file) => readFileSync(path.join(folder ?? "", file)));
  const seeds = [...seedModules(), ...further.filter(({ length }) => length <= MAX_SEED_BYTES)];

  assert.ok(checkMutations(seeds, 20_000) > 500);
});
