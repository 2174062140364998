import assert from "node:assert/strict";
import { test } from "node:test";
import { runMutatedGuests } from "./mutated-guests.ts";

test("mutated modules that are still valid end when they are run, and the engine serves the next", async () => {
  const guests = await runMutatedGuests(6_000);

  assert.ok(guests > 100, `only ${guests} mutated guests were run`);
});
