import assert from "node:assert/strict";
import { test } from "node:test";
import { entryUrl } from "./entry.ts";

test("entryUrl() names the source in a checkout and the bundled file in a release", () => {
  assert.equal(entryUrl("file:///a/src/shim/client.ts", "worker").href, "file:///a/src/shim/worker.ts");
  assert.equal(entryUrl("file:///a/dist/client-x1.js", "worker").href, "file:///a/dist/worker.js");
});
