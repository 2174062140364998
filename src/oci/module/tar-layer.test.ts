import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { RegistryError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { failing } from "../testing/failing.ts";
import { tar } from "../testing/fixture.ts";
import { type Compression, readTarLayer, type TarVisitor, UnpackBudget } from "./tar-layer.ts";

const LIMITS = { ...DEFAULT_LIMITS, maxUnpackedBytes: 1_000_000, maxTarEntries: 100 };
const archive = await tar([
  ["a", "first"],
  ["d", "", "directory"],
  ["./d//b.wasm", "second"],
  ["/c", "x".repeat(70_000)],
  ["link", "/etc/passwd", "symlink"],
]);

function read(bytes: Uint8Array, compression: Compression, visit: TarVisitor): Promise<void> {
  const budget = new UnpackBudget(LIMITS, "h.x/app:v1");
  return readTarLayer(Readable.from([bytes]), { compression, budget, name: "h.x/app:v1" }, visit);
}

async function names(bytes: Uint8Array, compression: Compression): Promise<readonly string[]> {
  const seen: string[] = [];
  await read(bytes, compression, ({ path, type }) => {
    seen.push(`${path} ${type}`);
    return false;
  });
  return seen;
}

for (const [compression, bytes] of [
  ["none", archive],
  ["gzip", gzipSync(archive)],
  ["gzip", Buffer.concat([gzipSync(archive.subarray(0, 700)), gzipSync(archive.subarray(700))])],
  ["zstd", zstdCompressSync(archive)],
] as const) {
  test(`readTarLayer() reads ${compression} of ${bytes.length} bytes`, async () => {
    assert.deepEqual(await names(bytes, compression), [
      "/a file",
      "/d directory",
      "/d/b.wasm file",
      "/c file",
      "/link symlink",
    ]);
  });
}

test("readTarLayer() stops where its visitor says so, and passes the visitor's error on", async () => {
  let calls = 0;
  await read(archive, "none", () => ++calls === 2);
  assert.equal(calls, 2);

  const thrown = new RegistryError("NOT_WASM", "not this");
  await assert.rejects(
    read(archive, "none", () => {
      throw thrown;
    }),
    thrown,
  );
});

test("readTarLayer() leaves names out that lead out of the image", async () => {
  const bytes = await tar([
    ["../up", "x"],
    ["a/../../up", "x"],
    ["in", "x"],
  ]);

  assert.deepEqual(await names(bytes, "none"), ["/in file"]);
});

test("readTarLayer() refuses a header that claims a huge long name", async () => {
  const header = Buffer.from(archive.subarray(0, 512));
  header.write("L", 156);
  header.write("77777777777\0", 124);
  header.write("        ", 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);

  await assert.rejects(
    names(Buffer.concat([header, Buffer.alloc(2048)]), "none"),
    failing("BAD_MANIFEST", /no none tar/),
  );
});

test("readTarLayer() ends with RegistryError at worst, whatever the bytes are", async () => {
  const change = fc.tuple(fc.nat(archive.length - 1), fc.nat(255));
  const mutated = fc.array(change, { minLength: 1, maxLength: 12 }).map((changes) => {
    const bytes = Buffer.from(archive);
    for (const [at, value] of changes) bytes[at % 2600] = value;
    return bytes;
  });
  const cut = fc.nat(archive.length).map((length) => archive.subarray(0, length));
  const any = fc.uint8Array({ maxLength: 3000 });
  const compression = fc.constantFrom<Compression>("none", "gzip", "zstd");
  const pack = { none: (bytes: Uint8Array) => bytes, gzip: gzipSync, zstd: zstdCompressSync };

  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated, cut, any), compression, fc.boolean(), async (bytes, kind, isPacked) => {
      try {
        await names(isPacked ? pack[kind](bytes) : bytes, kind);
      } catch (error) {
        assert.ok(error instanceof RegistryError, String((error as Error).stack));
      }
    }),
    { numRuns: 400, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: true },
  );
});
