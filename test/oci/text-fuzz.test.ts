// Texts and bytes from registries, layouts and users, read by parsers that say in their comments which errors they throw.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseDockerConfig, parseMirror, RegistryError } from "../../src/oci/index.ts";
import { bestKey } from "../../src/oci/credentials/docker-config.ts";
import { parseManifest } from "../../src/oci/manifest/parse-manifest.ts";

const MAX_MS = 500;
const NUM_RUNS = 2_000;

/** Text that is nearly JSON. */
const jsonish = fc
  .array(
    fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"',
      ":",
      ",",
      "auths",
      "auth",
      "__proto__",
      "1e999",
      "null",
      "\\ud800",
      " ",
      "a",
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

function endsQuickly(run: () => unknown, expected: typeof RegistryError | typeof SyntaxError): void {
  const started = performance.now();
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof expected, String((error as Error).stack));
  }
  assert.ok(performance.now() - started < MAX_MS);
}

test("parseDockerConfig() ends with RegistryError at worst, whatever the text is", () => {
  const text = fc.oneof(jsonish, fc.string(), fc.json());

  fc.assert(
    fc.property(text, (each) => endsQuickly(() => parseDockerConfig(each, "config.json"), RegistryError)),
    { numRuns: NUM_RUNS },
  );
});

test("parseManifest() ends with RegistryError at worst, whatever the bytes and the header are", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    jsonish.map((text) => Buffer.from(text)),
  );
  const contentType = fc.option(fc.string(), { nil: undefined });

  fc.assert(
    fc.property(bytes, contentType, (each, type) =>
      endsQuickly(() => parseManifest(each, type, "h.x/app:v1", { maxDescriptors: 10 }), RegistryError),
    ),
    { numRuns: NUM_RUNS },
  );
});

test("parseMirror() ends with SyntaxError at worst, whatever the text is", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
      endsQuickly(() => parseMirror(text), SyntaxError);
      endsQuickly(() => parseMirror(`h.x=${text}`), SyntaxError);
    }),
    { numRuns: NUM_RUNS },
  );
});

test("bestKey() answers quickly, whatever the keys of a config are", () => {
  const key = fc
    .array(fc.constantFrom("*", "a", ".", "/", "https://", "v1"), { maxLength: 400 })
    .map((parts) => parts.join(""));
  const registry = fc.array(fc.constantFrom("a", ".", "aa"), { maxLength: 200 }).map((parts) => parts.join(""));

  fc.assert(
    fc.property(fc.array(key, { maxLength: 5 }), registry, (keys, host) =>
      endsQuickly(() => bestKey([...keys, "*a".repeat(20_000)], host, "a/a"), RegistryError),
    ),
    { numRuns: 200 },
  );
});
