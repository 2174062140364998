import { test } from "node:test";
import { fuzzLayout, fuzzRegistry } from "./pull-fuzz.ts";

test("many pulls from a registry that answers anything end in an image or a documented error", () =>
  fuzzRegistry(3_000));

test("many pulls from a damaged layout end in an image or a documented error", () => fuzzLayout(5_000));
