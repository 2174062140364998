import assert from "node:assert/strict";
import { pid } from "node:process";
import { test } from "node:test";
import { bindListener } from "./listener.ts";
import { findPortHolder } from "./port-holder.ts";

test("findPortHolder() names the process that listens on the port, and nobody once it is closed", () => {
  const listener = bindListener({ host: "127.0.0.1", port: 0 });
  const { port } = listener.address;

  const holder = findPortHolder(port);
  listener.close();

  assert.equal(holder?.pid, pid);
  assert.match(holder.name, /^[\x20-\x7e]+$/);
  assert.equal(findPortHolder(port), undefined);
});
