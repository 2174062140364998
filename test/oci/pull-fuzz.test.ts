import { test } from "node:test";
import { fuzzLayout, fuzzRegistry } from "./pull-fuzz.ts";

test("pulls from a registry that answers anything end in an image or a documented error", () => fuzzRegistry(80));

test("pulls from a damaged layout end in an image or a documented error", () => fuzzLayout(120));
