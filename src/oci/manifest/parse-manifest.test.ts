import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DEFAULT_LIMITS } from "../limits.ts";
import { RegistryError } from "../errors.ts";
import { failing } from "../testing/failing.ts";
import { formats } from "../testing/fixture.ts";
import { chooseManifest } from "./choose-platform.ts";
import { parseImageConfig } from "./image-config.ts";
import { locateModule } from "./locate-module.ts";
import { MANIFEST_TYPES } from "./media-types.ts";
import { parseManifest } from "./parse-manifest.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;
const blob = { mediaType: "application/wasm", digest: DIGEST, size: 1 };

function parse(body: unknown, contentType?: string) {
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  return parseManifest(bytes, contentType, "h.x/app:v1", DEFAULT_LIMITS);
}

test("parseManifest() keeps unknown fields out and missing ones empty", () => {
  const parsed = parse({ schemaVersion: 2, config: { ...blob, data: "e30=" }, unknown: [1] }, "application/json");

  assert.deepEqual(parsed, {
    kind: "manifest",
    mediaType: MANIFEST_TYPES.ociManifest,
    config: blob,
    layers: [],
    annotations: {},
  });
});

test("parseManifest() tells an index by its fields when nobody names its type", () => {
  assert.equal(parse({ schemaVersion: 2, manifests: [] }).kind, "index");
});

test("parseManifest() takes the type of its header, parameters and case aside", () => {
  const { mediaType } = parse(
    { schemaVersion: 2, config: blob },
    `${MANIFEST_TYPES.dockerManifest.toUpperCase()}; q=1`,
  );

  assert.equal(mediaType, MANIFEST_TYPES.dockerManifest);
});

const MALFORMED: readonly (readonly [string, unknown, RegExp, string?])[] = [
  ["text", "<html>", /not JSON/],
  ["invalid UTF-8", Buffer.from([0x22, 0xff, 0x22]).toString("latin1"), /not a JSON object/],
  ["an array", [], /not a JSON object/],
  ["both kinds at once", { schemaVersion: 2, config: blob, manifests: [] }, /a manifest and an index at once/],
  [
    "two types",
    { schemaVersion: 2, mediaType: MANIFEST_TYPES.ociManifest, config: blob },
    /its place says/,
    MANIFEST_TYPES.ociIndex,
  ],
  ["no config", { schemaVersion: 2, layers: [] }, /config/],
  [
    "a path for a digest",
    { schemaVersion: 2, config: { ...blob, digest: "sha256:../../x" } },
    /config\.digest: must be/,
  ],
  ["a negative size", { schemaVersion: 2, config: { ...blob, size: -1 } }, /config\.size/],
  ["a size beyond integers", { schemaVersion: 2, config: { ...blob, size: 1e300 } }, /config\.size/],
  ["too many layers", { schemaVersion: 2, config: blob, layers: Array.from({ length: 1001 }, () => blob) }, /layers/],
];
for (const [what, body, why, contentType] of MALFORMED) {
  test(`parseManifest() refuses ${what}`, () => {
    assert.throws(() => parse(body, contentType), failing("BAD_MANIFEST", why));
  });
}

test("parseManifest() refuses types it does not read", () => {
  const old = { schemaVersion: 1, fsLayers: [] };
  assert.throws(() => parse(old), failing("UNSUPPORTED_MEDIA_TYPE", /schema version 1/));
  const helm = { schemaVersion: 2, mediaType: "application/x-other", config: blob };
  assert.throws(() => parse(helm), failing("UNSUPPORTED_MEDIA_TYPE", /application\/x-other/));
});

test("parsing and choosing end with RegistryError at worst, whatever a manifest holds", async () => {
  const real = Object.values(await formats()).map(({ manifest }) => Buffer.from(manifest).toString());
  const descriptor = fc.record(
    {
      mediaType: fc.oneof(fc.string(), fc.constantFrom(...Object.values(MANIFEST_TYPES), "application/wasm")),
      digest: fc.oneof(fc.string(), fc.constant(DIGEST)),
      size: fc.oneof(fc.integer(), fc.double(), fc.constant(3)),
      platform: fc.oneof(fc.anything(), fc.record({ os: fc.string(), architecture: fc.string() })),
      annotations: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const made = fc
    .record(
      {
        schemaVersion: fc.constantFrom(1, 2, "2"),
        mediaType: fc.oneof(fc.anything(), fc.constantFrom(...Object.values(MANIFEST_TYPES))),
        config: fc.oneof(descriptor, fc.anything()),
        layers: fc.oneof(fc.array(descriptor), fc.anything()),
        manifests: fc.oneof(fc.array(descriptor), fc.anything()),
        annotations: fc.anything(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value));
  const mutated = fc
    .tuple(fc.constantFrom(...real), fc.nat(400), fc.string({ maxLength: 4 }), fc.nat(6))
    .map(([text, at, put, drop]) => text.slice(0, at) + put + text.slice(at + drop));

  fc.assert(
    fc.property(fc.oneof(made, mutated, fc.json()), (text) => {
      try {
        const parsed = parse(text);
        if (parsed.kind === "index") chooseManifest(parsed, "h.x/app:v1");
        else locateModule(parsed, parseImageConfig(Buffer.from(text)), "h.x/app:v1");
      } catch (error) {
        assert.ok(error instanceof RegistryError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
