import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isDigest, parseDigest } from "./digest.ts";
import {
  formatReference,
  MAX_REFERENCE_LENGTH,
  parseReference,
  type Reference,
  referenceKey,
  repositoryName,
} from "./reference.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}` as const;
const LABEL = "a".repeat(63);

const GOOD: Readonly<Record<string, Reference>> = {
  hello: { registry: "docker.io", repository: "library/hello", tag: "latest" },
  "hello:v1": { registry: "docker.io", repository: "library/hello", tag: "v1" },
  "team/hello": { registry: "docker.io", repository: "team/hello", tag: "latest" },
  "docker.io/hello": { registry: "docker.io", repository: "library/hello", tag: "latest" },
  "index.docker.io/hello": { registry: "docker.io", repository: "library/hello", tag: "latest" },
  "webassembly.azurecr.io/hello-wasm:v1": {
    registry: "webassembly.azurecr.io",
    repository: "hello-wasm",
    tag: "v1",
  },
  "localhost/hello": { registry: "localhost", repository: "hello", tag: "latest" },
  "localhost:5000/hello": { registry: "localhost:5000", repository: "hello", tag: "latest" },
  "host:65535/hello": { registry: "host:65535", repository: "hello", tag: "latest" },
  "HOST.X/hello": { registry: "host.x", repository: "hello", tag: "latest" },
  "[::1]:5000/a/b/c:1.0": { registry: "[::1]:5000", repository: "a/b/c", tag: "1.0" },
  [`ghcr.io/team/hello@${DIGEST}`]: { registry: "ghcr.io", repository: "team/hello", digest: DIGEST },
  [`ghcr.io/team/hello:v1@${DIGEST}`]: {
    registry: "ghcr.io",
    repository: "team/hello",
    tag: "v1",
    digest: DIGEST,
  },
  "a.b/c__d/e-f--g.h_i:T_.-": { registry: "a.b", repository: "c__d/e-f--g.h_i", tag: "T_.-" },
  [`x/y:${"t".repeat(128)}`]: { registry: "docker.io", repository: "x/y", tag: "t".repeat(128) },
  [`h.x/${"r".repeat(255)}`]: { registry: "h.x", repository: "r".repeat(255), tag: "latest" },
};

for (const [text, reference] of Object.entries(GOOD)) {
  test(`parseReference() reads ${text.slice(0, 60)}`, () => {
    assert.deepEqual(parseReference(text), reference);
    assert.deepEqual(parseReference(formatReference(reference)), reference);
  });
}

const BAD: readonly (readonly [string, RegExp])[] = [
  ["", /it is empty/],
  [":v1", /repository is missing/],
  ["ghcr.io/", /repository is missing/],
  ["/hello", /two slashes stand together/],
  ["a//b", /two slashes stand together/],
  ["a/b/", /one stands at the end/],
  ["https://ghcr.io/hello", /no scheme/],
  ["oci://ghcr.io/hello", /no scheme/],
  ["Hello", /must be in lower case/],
  ["team/Hello", /must be in lower case/],
  ["hello:", /the tag ""/],
  ["hello:-v1", /the tag "-v1"/],
  [`hello:${"t".repeat(129)}`, /1 to 128/],
  ["hello@sha256:abc", /64 lower-case hexadecimal digits/],
  [`hello@sha512:${HEX}${HEX}`, /only sha256/],
  ["hello@", /sha256:/],
  [HEX, /an image id/],
  ["HOST/hello", /must be written with its port/],
  ["host:0/hello", /port 0/],
  ["host:65536/hello", /port 65536/],
  ["host:port/hello", /must be host or host:port/],
  ["-host.io/hello", /no host name/],
  ["host..io/hello", /no host name/],
  ["[::g]:5000/hello", /no host name/],
  [`${`${LABEL}.`.repeat(4)}io/hello`, /no host name/],
  ["hello world", /must be lower-case letters/],
  ["hello\n", /must be lower-case letters/],
  ["a/../b", /must be lower-case letters/],
  ["a/b_-c", /must be lower-case letters/],
  [`h.x/${"r".repeat(256)}`, /longer than 255/],
  ["a".repeat(MAX_REFERENCE_LENGTH + 1), /longer than 1024/],
];

for (const [text, why] of BAD) {
  test(`parseReference() refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
    assert.throws(() => parseReference(text), { name: "SyntaxError", message: why });
  });
}

test("parseReference() reads back what formatReference() writes", () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,3}$/);
  const tag = fc.stringMatching(/^\w[\w.-]{0,20}$/);
  const registry = fc.constantFrom("docker.io", "ghcr.io", "localhost:5000", "[::1]:1", "10.0.0.1");
  const reference = fc
    .record({ registry, path: fc.array(name, { minLength: 2, maxLength: 4 }), tag, hasDigest: fc.boolean() })
    .map((parts) => {
      const { path, hasDigest, ...rest } = parts;
      return { ...rest, repository: path.join("/"), ...(hasDigest ? { digest: DIGEST } : {}) };
    });

  fc.assert(fc.property(reference, (each) => assert.deepEqual(parseReference(formatReference(each)), each)));
});

test("parseReference() answers quickly and with SyntaxError only, whatever it is given", () => {
  const pieces = fc.constantFrom(
    "a",
    "A",
    ".",
    "_",
    "-",
    "/",
    ":",
    "@",
    "[",
    "]",
    "sha256:",
    "localhost",
    "\0",
    "é",
    "0",
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 300 }).map((each) => each.join("")),
  );

  fc.assert(
    fc.property(text, (each) => {
      const started = performance.now();
      try {
        assert.deepEqual(parseReference(formatReference(parseReference(each))), parseReference(each));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
      assert.ok(performance.now() - started < 500);
    }),
    { numRuns: 500 },
  );
});

test("referenceKey() leaves out a tag beside a digest", () => {
  assert.equal(referenceKey(parseReference(`h.x/a:v1@${DIGEST}`)), `h.x/a@${DIGEST}`);
  assert.equal(referenceKey(parseReference("h.x/a:v1")), "h.x/a:v1");
  assert.equal(repositoryName(parseReference("h.x/a:v1")), "h.x/a");
});

test("parseDigest() takes sha256 only", () => {
  assert.equal(parseDigest(DIGEST), DIGEST);
  assert.equal(isDigest(DIGEST.toUpperCase()), false);
  assert.throws(() => parseDigest("md5:00"), SyntaxError);
});
