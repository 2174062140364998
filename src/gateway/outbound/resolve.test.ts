import assert from "node:assert/strict";
import { test } from "node:test";
import { systemResolver } from "./resolve.ts";

test("systemResolver() asks the system once for look-ups of one name at one time", async () => {
  const resolve = systemResolver(1);

  const [one, other] = [resolve("localhost"), resolve("localhost")];

  assert.equal(one, other);
  assert.ok((await one).some(({ address }) => address === "127.0.0.1" || address === "::1"));
});

test("systemResolver() looks up as many names at a time as it may, and more after that", async () => {
  const resolve = systemResolver(1);
  const first = resolve("localhost");

  await assert.rejects(resolve("127.0.0.1"), { message: "1 names are being resolved already" });
  await first;

  assert.deepEqual(await resolve("127.0.0.1"), [{ address: "127.0.0.1", family: 4 }]);
});
