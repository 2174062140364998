import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GUEST_MEMORY_FLAGS, GUEST_STACK_FLAGS } from "./node-flags.ts";

test("with GUEST_STACK_FLAGS whatever recursion passes in the fast lane passes in the sliced lane", async () => {
  const program = fileURLToPath(new URL("./testing/stack-depth.ts", import.meta.url));
  const flags = [...GUEST_STACK_FLAGS, ...GUEST_MEMORY_FLAGS, "--disable-warning=ExperimentalWarning"];

  const { stdout } = await promisify(execFile)(process.execPath, [...flags, program]);

  const { fast, sliced } = JSON.parse(stdout) as { fast: number; sliced: number };
  assert.ok(fast > 5000, `${fast} calls deep`);
  assert.ok(sliced >= fast - 500, `${fast} calls in the fast lane, ${sliced} in the sliced lane`);
});
