import assert from "node:assert/strict";
import { test } from "node:test";
import { failing } from "../testing/failing.ts";
import { chooseManifest } from "./choose-platform.ts";
import { MANIFEST_TYPES } from "./media-types.ts";
import type { Index } from "./parse-manifest.ts";

type Entry = readonly [platform: string | undefined, artifactType?: string | undefined, mediaType?: string];

function indexOf(entries: readonly Entry[]): Index {
  const manifests = entries.map(([platform, artifactType, mediaType = MANIFEST_TYPES.ociManifest], number) => {
    const [os = "", architecture = "", variant] = platform?.split("/") ?? [];
    return {
      mediaType,
      digest: `sha256:${String(number).padStart(64, "0")}` as const,
      size: 1,
      ...(platform === undefined ? {} : { platform: { os, architecture, ...(variant ? { variant } : {}) } }),
      ...(artifactType === undefined ? {} : { artifactType }),
    };
  });
  return { kind: "index", mediaType: MANIFEST_TYPES.ociIndex, manifests };
}

const CHOICES: readonly (readonly [string, readonly Entry[], number])[] = [
  ["wasip1 before wasip2", [["wasip2/wasm"], ["wasip1/wasm"]], 1],
  ["wasi before wasip2", [["linux/amd64"], ["wasip2/wasm"], ["wasi/wasm32"]], 2],
  ["a Wasm architecture with another system", [["linux/amd64"], ["js/wasm"]], 1],
  ["capitals", [["linux/amd64"], ["Wasip1/WASM"]], 1],
  [
    "an artifact type when no platform fits",
    [["linux/amd64"], [undefined, "application/vnd.wasm.component.v1+wasm"]],
    1,
  ],
  ["the only one without a platform", [[undefined]], 0],
  ["beside attestations", [["unknown/unknown"], ["wasip1/wasm"]], 1],
];
for (const [what, entries, expected] of CHOICES) {
  test(`chooseManifest() picks ${what}`, () => {
    const index = indexOf(entries);

    assert.equal(chooseManifest(index, "x").digest, index.manifests[expected]?.digest);
  });
}

const REFUSED: readonly (readonly [string, readonly Entry[], RegExp])[] = [
  ["container images alone", [["linux/amd64"], ["linux/arm64/v8"]], /is for linux\/amd64, linux\/arm64\/v8;/],
  ["several without platforms", [[undefined], [undefined]], /names no platform/],
  ["nothing", [], /names no platform/],
  ["what is no manifest", [["wasip1/wasm", undefined, "text/plain"]], /is for wasip1\/wasm/],
];
for (const [what, entries, why] of REFUSED) {
  test(`chooseManifest() refuses an index of ${what}`, () => {
    assert.throws(() => chooseManifest(indexOf(entries), "x"), failing("NOT_WASM", why));
  });
}
