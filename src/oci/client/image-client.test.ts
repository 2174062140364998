import assert from "node:assert/strict";
import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { silentLogger, systemClock } from "../../base/index.ts";
import type { ImageLimits } from "../limits.ts";
import { digestOf, hexOf } from "../reference/digest.ts";
import { parseReference } from "../reference/reference.ts";
import {
  type Blob,
  componentBytes,
  formats,
  image,
  IMAGE_CONFIG,
  type ImageFixture,
  json,
  moduleBytes,
  openStore,
  TAR_GZIP,
  type TarEntry,
  tarLayer,
  tempFolder,
  writeLayoutFixture,
} from "../testing/fixture.ts";
import { createImageClient } from "./image-client.ts";

/** A registry that refuses connections at once: port 1 (tcpmux) is used by nobody. */
const REGISTRY = "127.0.0.1:1";

/** A client whose mirror of REGISTRY is a layout that holds `images` under `<key>:v1`. */
async function clientOf(images: Readonly<Record<string, ImageFixture>>, limits: Partial<ImageLimits> = {}) {
  const folder = await tempFolder();
  const layout = path.join(folder.path, "layout");
  const tagged = Object.fromEntries(Object.entries(images).map(([name, fixture]) => [`${name}:v1`, fixture]));
  await writeLayoutFixture(layout, tagged);
  const store = await openStore(path.join(folder.path, "store"));
  const mirrors = new Map([[REGISTRY, [{ kind: "layout", folder: layout } as const]]]);
  const client = createImageClient({ store, mirrors, clock: systemClock, log: silentLogger, limits });
  // The mirror alone: the registry behind it refuses, and its failure comes first.
  const pull = async (name: string) => {
    try {
      return await client.pull(parseReference(`${REGISTRY}/${name}`));
    } catch (error) {
      const [, mirrored = ""] = /its mirrors failed before: (.*)$/s.exec((error as Error).message) ?? [];
      throw new MirrorError(mirrored, { cause: error });
    }
  };
  const dispose = async () => {
    await client[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  return { store, client, pull, layout, [Symbol.asyncDispose]: dispose };
}

class MirrorError extends Error {}

async function refused(fixture: ImageFixture, why: RegExp, limits: Partial<ImageLimits> = {}): Promise<void> {
  await using world = await clientOf({ app: fixture }, limits);
  await assert.rejects(world.pull("app:v1"), (error: Error) => {
    assert.match(error.message, why);
    return true;
  });
  assert.deepEqual(await world.store.list(), []);
}

for (const [format, fixture] of Object.entries(await formats())) {
  test(`pull() finds the module of format ${format}`, async () => {
    await using world = await clientOf({ app: fixture });

    const pulled = await world.pull("app:v1");

    assert.equal(pulled.digest, fixture.digest);
    assert.equal(pulled.moduleDigest, digestOf(moduleBytes()));
    assert.equal(pulled.kind, "module");
    assert.deepEqual(pulled.tags, [`${REGISTRY}/app:v1`]);
    assert.deepEqual(pulled.digests, [`${REGISTRY}/app@${fixture.digest}`]);
    assert.deepEqual(new Uint8Array(await readFile(pulled.modulePath)), new Uint8Array(moduleBytes()));
    assert.deepEqual(await world.store.find(`${REGISTRY}/app:v1`), pulled);
  });
}

test("pull() takes components", async () => {
  const [, component] = Object.entries(await formats(componentBytes()))[0]!;
  await using world = await clientOf({ app: component });

  assert.equal((await world.pull("app:v1")).kind, "component");
});

test("pull() finds an image in a mirror by its full reference too", async () => {
  const simple = Object.values(await formats())[0]!;
  await using world = await clientOf({ [`${REGISTRY}/app`]: simple });

  assert.equal((await world.pull("app:v1")).digest, simple.digest);
});

test("pull() names what a layout has instead", async () => {
  const simple = Object.values(await formats())[0]!;
  await using world = await clientOf({ app: simple });

  await assert.rejects(world.pull("app:v2"), /has no image named app:v2 or 127\.0\.0\.1:1\/app:v2; it has app:v1/);
});

test("pull() refuses a damaged layout", async () => {
  const simple = Object.values(await formats())[0]!;
  const module = hexOf(digestOf(moduleBytes()));
  await using world = await clientOf({ app: simple });

  await truncate(path.join(world.layout, "blobs", "sha256", module), 5);
  await assert.rejects(world.pull("app:v1"), /ended after 5 bytes of 12/);
  await writeFile(path.join(world.layout, "blobs", "sha256", module), moduleBytes("b"));
  await assert.rejects(world.pull("app:v1"), /has digest/);
  await rm(path.join(world.layout, "blobs", "sha256", module));
  await assert.rejects(world.pull("app:v1"), /Cannot read blob .* it is missing/);
  const manifest = path.join(world.layout, "blobs", "sha256", hexOf(simple.digest));
  await rm(manifest);
  await mkdir(manifest);
  await assert.rejects(world.pull("app:v1"), /Cannot read manifest .* EISDIR/);
  await writeFile(path.join(world.layout, "index.json"), "{");
  await assert.rejects(world.pull("app:v1"), /index.json of OCI layout .* is malformed/);
});

const config = (os: string, architecture: string, entrypoint: readonly string[], more: object = {}): Blob =>
  json(IMAGE_CONFIG, { os, architecture, config: { Entrypoint: entrypoint, ...more } });
const wasm = (mark: string, mediaType = "application/vnd.wasm.content.layer.v1+wasm"): Blob => ({
  mediaType,
  bytes: moduleBytes(mark),
});

test("pull() refuses a Linux image, saying what it is and what would run", async () => {
  const layer = await tarLayer([["bin/sh", "\u007FELF"]]);
  await refused(
    image(config("linux", "amd64", ["/bin/sh"]), [layer]),
    /is a container image for linux\/amd64 \(layers are application\/vnd\.oci\.image\.layer\.v1\.tar\+gzip\)\. What runs here is a WebAssembly module; push one with/,
  );
});

test("pull() refuses a Spin application of several components", async () => {
  const locked = json("application/vnd.fermyon.spin.application.v1+config", {});
  await refused(
    image(config("Wasip1", "wasm", []), [wasm("a"), wasm("b"), locked]),
    /Spin application of 2 components/,
  );
});

test("pull() refuses several modules without a say which to run", async () => {
  const old = json("application/vnd.wasm.config.v1+json", {});
  await refused(image(old, [wasm("a"), wasm("b")]), /holds 2 modules and does not say which/);
});

test("pull() refuses a CNCF artifact of two layers", async () => {
  const cncf = json("application/vnd.wasm.config.v0+json", {});
  await refused(image(cncf, [wasm("a"), json("text/plain", 1)]), /of 2 layers; the format allows exactly one/);
});

test("pull() refuses an artifact without WebAssembly", async () => {
  await refused(
    image(json("application/vnd.cncf.helm.config.v1+json", {}), []),
    /holds no WebAssembly: no layers, config/,
  );
});

for (const [what, content, why] of [
  ["a Linux program", "\u007FELF\u0002\u0001\u0001", /is a Linux program/],
  ["text format", "(module)", /is WebAssembly text; compile it with wat2wasm/],
  ["other bytes", "\u0001\u0002\u0003", /begins with 01 02 03\./],
] as const) {
  test(`pull() refuses a Wasm layer that holds ${what}`, async () => {
    const layer = { mediaType: "application/wasm", bytes: Buffer.from(content, "latin1") };
    await refused(image(json("application/vnd.wasm.config.v0+json", {}), [layer]), why);
  });
}

const M = moduleBytes();
const FOUND: readonly (readonly [string, Blob, readonly (readonly TarEntry[])[]])[] = [
  ["in a lower layer", config("wasip1", "wasm", ["/app.wasm"]), [[["app.wasm", M]], [["other", "x"]]]],
  [
    "in the upper layer when two have it",
    config("wasip1", "wasm", ["app.wasm"]),
    [[["app.wasm", "old"]], [["app.wasm", M]]],
  ],
  [
    "below the working directory",
    config("wasip1", "wasm", ["app.wasm"], { WorkingDir: "/srv" }),
    [[["srv/app.wasm", M]]],
  ],
  ["as an argument", config("linux", "amd64", ["wasmedge", "/app.wasm"]), [[["app.wasm", M]]]],
  ["without the suffix on a Wasm platform", config("wasi", "wasm", ["/app"]), [[["app", M]]]],
  [
    "as the only .wasm file",
    config("wasip1", "wasm", []),
    [
      [
        ["a/b/app.wasm", M],
        ["readme", "x"],
      ],
    ],
  ],
  [
    "beside names that lead outside",
    config("wasip1", "wasm", []),
    [
      [
        ["../../evil.wasm", "x"],
        ["app.wasm", M],
      ],
    ],
  ],
];
for (const [what, imageConfig, layers] of FOUND) {
  test(`pull() finds a file ${what}`, async () => {
    const packed = await Promise.all(layers.map((layer) => tarLayer(layer)));
    await using world = await clientOf({ app: image(imageConfig, packed) });

    assert.equal((await world.pull("app:v1")).moduleDigest, digestOf(M));
  });
}

const wanted = config("wasip1", "wasm", ["/srv/app.wasm"]);
const LOST: readonly (readonly [string, readonly (readonly TarEntry[])[], RegExp])[] = [
  ["that is not there", [[["app.wasm", M]]], /has no file \/srv\/app\.wasm, which its config names/],
  ["that an upper layer deletes", [[["srv/app.wasm", M]], [["srv/.wh.app.wasm", ""]]], /has no file/],
  ["in a folder that an upper layer deletes", [[["srv/app.wasm", M]], [[".wh.srv", ""]]], /has no file/],
  ["below an opaque folder", [[["srv/app.wasm", M]], [["srv/.wh..wh..opq", ""]]], /has no file/],
  ["that is a symlink", [[["srv/app.wasm", "/etc/passwd", "symlink"]]], /has a symlink at \/srv\/app\.wasm/],
];
for (const [what, layers, why] of LOST) {
  test(`pull() refuses a file ${what}`, async () => {
    await refused(image(wanted, await Promise.all(layers.map((layer) => tarLayer(layer)))), why);
  });
}

test("pull() refuses several .wasm files without an entry point", async () => {
  const layer = await tarLayer([
    ["a.wasm", M],
    ["b.wasm", M],
  ]);
  await refused(image(config("wasip1", "wasm", []), [layer]), /holds 2 \.wasm files and no entry point/);
});

test("pull() refuses a layer that is no gzip, and one that is cut short", async () => {
  const { bytes } = await tarLayer([["srv/app.wasm", Buffer.alloc(10_000, 1)]]);
  await refused(image(wanted, [{ mediaType: TAR_GZIP, bytes: Buffer.from("no") }]), /is no gzip tar archive/);
  await refused(image(wanted, [{ mediaType: TAR_GZIP, bytes: bytes.subarray(0, 60) }]), /is no gzip tar archive/);
  await refused(
    image(wanted, [{ mediaType: TAR_GZIP, bytes: gzipSync("no tar".repeat(500)) }]),
    /is no gzip tar archive/,
  );
});

test("pull() refuses layers that unpack to more than maxUnpackedBytes", async () => {
  const layer = await tarLayer([["zeros", Buffer.alloc(5_000_000)]]);
  await refused(image(wanted, [layer]), /unpack to over 1 MiB/, { maxUnpackedBytes: 1024 * 1024 });
});

test("pull() refuses layers of more than maxTarEntries files", async () => {
  const layer = await tarLayer([
    ["1", ""],
    ["2", ""],
    ["3", ""],
  ]);
  await refused(image(wanted, [layer]), /hold more than 2 files/, { maxTarEntries: 2 });
});

test("pull() refuses a file above maxLayerBytes that its layer hid by compression", async () => {
  const layer = await tarLayer([["srv/app.wasm", Buffer.alloc(100_000)]]);
  await refused(image(wanted, [layer]), /\/srv\/app\.wasm of .* is larger than/, { maxLayerBytes: 10_000 });
});
