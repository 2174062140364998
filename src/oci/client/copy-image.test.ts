import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { exactNaming, LayoutRepository } from "../layout/layout-repository.ts";
import { LayoutWriter } from "../layout/layout-writer.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { packImage } from "../manifest/pack-image.ts";
import { digestOf, hexOf } from "../reference/digest.ts";
import { parseReference } from "../reference/reference.ts";
import { StoreRepository } from "../store/store-repository.ts";
import { failing } from "../testing/failing.ts";
import {
  componentBytes,
  formats,
  image,
  IMAGE_CONFIG,
  index,
  json,
  moduleBytes,
  tempFolder,
} from "../testing/fixture.ts";
import { registryWorld } from "../testing/registry-world.ts";
import { copyImage, pushImage } from "./copy-image.ts";

const limits = DEFAULT_LIMITS;
const simple = (await formats())["A, CNCF artifact"]!;
const LOGIN = { username: "ada", password: "s3cret" };

for (const format of ["cncf", "wasm-to-oci"] as const) {
  for (const auth of [undefined, "basic", "bearer"] as const) {
    test(`pushImage() writes ${format} that pull() takes, auth ${auth ?? "none"}`, async () => {
      await using world = await registryWorld();
      if (auth) world.server.auth = { kind: auth, ...LOGIN };
      const reference = parseReference(`${world.server.host}/team/app:v1`);
      const packed = packImage(moduleBytes(), { format, title: "hello.wasm" });

      const repository = world.client.repository(reference, { canPush: true, auth: LOGIN });
      const digest = await pushImage(packed, { repository, tag: "v1" }, { limits });
      const pulled = await world.pull("team/app:v1", { auth: LOGIN });

      assert.equal(pulled.digest, digest);
      assert.equal(pulled.moduleDigest, digestOf(moduleBytes()));
    });
  }
}

test("packImage() writes the artifact of the CNCF's specification", () => {
  const packed = packImage(moduleBytes());

  const layer = digestOf(moduleBytes());
  const config = '{"architecture":"wasm","os":"wasip1","layerDigests":["' + layer + '"]}';
  assert.equal(Buffer.from(packed.blobs[0]!.bytes).toString(), config);
  assert.deepEqual(JSON.parse(Buffer.from(packed.manifest.bytes).toString()), {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.wasm.config.v0+json",
      digest: digestOf(Buffer.from(config)),
      size: config.length,
    },
    layers: [{ mediaType: "application/wasm", digest: layer, size: 12 }],
  });
});

test("packImage() writes what wasm-to-oci writes", () => {
  const packed = packImage(moduleBytes(), { format: "wasm-to-oci", title: "hello.wasm" });

  assert.deepEqual(JSON.parse(Buffer.from(packed.manifest.bytes).toString()), {
    schemaVersion: 2,
    config: {
      mediaType: "application/vnd.wasm.config.v1+json",
      digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      size: 2,
    },
    layers: [
      {
        mediaType: "application/vnd.wasm.content.layer.v1+wasm",
        digest: digestOf(moduleBytes()),
        size: 12,
        annotations: { "org.opencontainers.image.title": "hello.wasm" },
      },
    ],
  });
});

test("packImage() refuses what is no module", () => {
  assert.throws(() => packImage(Buffer.from("(module)")), failing("NOT_WASM", /is WebAssembly text; compile it/));
  assert.throws(() => packImage(new Uint8Array()), failing("NOT_WASM", /is empty/));
  assert.throws(() => packImage(componentBytes()), failing("UNSUPPORTED_MEDIA_TYPE", /is a component/));
});

test("pushImage() uploads in pieces where a registry wants it", async () => {
  await using world = await registryWorld();
  world.server.wantsChunks = true;
  const module = Buffer.concat([moduleBytes(), Buffer.alloc(9 * 1024 * 1024)]);
  const reference = parseReference(`${world.server.host}/app:v1`);

  const repository = world.client.repository(reference, { canPush: true });
  await pushImage(packImage(module), { repository, tag: "v1" }, { limits });

  assert.deepEqual(new Uint8Array(world.server.blobs.get(`app/${digestOf(module)}`) ?? []), new Uint8Array(module));
  assert.equal(world.server.seen("PATCH", "/uploads/").length, 3);
});

test("pushImage() sends no blob that the registry has", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  const repository = world.client.repository(parseReference(`${world.server.host}/app:v2`), { canPush: true });
  const packed = packImage(moduleBytes());
  for (const { digest, bytes } of packed.blobs) world.server.blobs.set(`app/${digest}`, Buffer.from(bytes));

  await pushImage(packed, { repository, tag: "v2" }, { limits });

  assert.equal(world.server.seen("POST", "/uploads/").length, 0);
});

test("pushImage() sends a blob again when the registry fails under way", async () => {
  await using world = await registryWorld();
  let failures = 2;
  world.server.fault = ({ method }, response, request) => {
    if (method !== "PUT" || failures-- <= 0) return false;
    request.resume();
    response.writeHead(502).end();
    return true;
  };
  const repository = world.client.repository(parseReference(`${world.server.host}/app:v1`), { canPush: true });

  const digest = await pushImage(packImage(moduleBytes()), { repository, tag: "v1" }, { limits });

  assert.equal((await world.pull("app:v1")).digest, digest);
});

test("pushImage() says when the registry stores another manifest", async () => {
  await using world = await registryWorld();
  world.server.fault = ({ method, url }, response) => {
    if (method !== "PUT" || !url.includes("/manifests/")) return false;
    response.writeHead(201, { "docker-content-digest": simple.digest }).end();
    return true;
  };
  const repository = world.client.repository(parseReference(`${world.server.host}/app:v1`), { canPush: true });

  await assert.rejects(
    pushImage(packImage(moduleBytes()), { repository, tag: "v1" }, { limits }),
    failing("BAD_DIGEST", /stored it with digest/),
  );
});

test("copyImage() copies an index with its images between registries, layouts and the store", async () => {
  await using world = await registryWorld();
  await using folder = await tempFolder();
  const linux = image(json(IMAGE_CONFIG, { architecture: "amd64", os: "linux" }), []);
  const both = index([
    { image: linux, platform: "linux/amd64" },
    { image: simple, platform: "wasip1/wasm" },
  ]);
  world.server.put("from/app", "v1", both);
  const from = world.client.repository(parseReference(`${world.server.host}/from/app:v1`));
  const layout = path.join(folder.path, "layout");

  const writer = new LayoutWriter(layout, limits);
  const source = { repository: from, tagOrDigest: "v1" };
  assert.equal(await copyImage(source, { repository: writer, tag: "app" }, { limits }), both.digest);
  const back = { repository: new LayoutRepository(layout, exactNaming, limits), tagOrDigest: "app" };
  const to = parseReference(`${world.server.host}/to/app:v2`);
  const target = { repository: world.client.repository(to, { canPush: true }), tag: "v2" };
  assert.equal(await copyImage(back, target, { limits }), both.digest);

  const pulled = await world.pull("to/app:v2");
  assert.equal(pulled.digest, simple.digest);
  const stored = { repository: new StoreRepository(world.store, to), tagOrDigest: "v2" };
  assert.equal(await copyImage(stored, { repository: writer, tag: "again" }, { limits }), simple.digest);
});

test("copyImage() lets a registry take blobs over from another repository of it", async () => {
  await using world = await registryWorld();
  world.server.put("a", "v1", simple);
  const source = world.client.repository(parseReference(`${world.server.host}/a:v1`));
  const repository = world.client.repository(parseReference(`${world.server.host}/b:v1`), {
    canPush: true,
    mountFrom: "a",
  });

  await copyImage({ repository: source, tagOrDigest: "v1" }, { repository, tag: "v1" }, { limits });

  assert.equal(world.server.seen("PUT", "/uploads/").length, 0);
  assert.equal((await world.pull("b:v1")).digest, simple.digest);
});

test("copyImage() refuses a damaged blob before the target has it", async () => {
  await using world = await registryWorld();
  await using folder = await tempFolder();
  world.server.put("app", "v1", simple);
  world.server.blobs.set(`app/${digestOf(moduleBytes())}`, Buffer.from(moduleBytes("b")));
  const repository = world.client.repository(parseReference(`${world.server.host}/app:v1`));

  await assert.rejects(
    copyImage(
      { repository, tagOrDigest: "v1" },
      { repository: new LayoutWriter(folder.path, limits), tag: "v1" },
      { limits },
    ),
    failing("BAD_DIGEST", /has digest/),
  );

  const [config] = simple.blobs.keys();
  assert.deepEqual(await readdir(path.join(folder.path, "blobs", "sha256")), [hexOf(config!)]);
});

test("LayoutWriter moves a name to the image that was written last", async () => {
  await using folder = await tempFolder();
  const repository = new LayoutWriter(folder.path, limits);
  const read = new LayoutRepository(folder.path, exactNaming, limits);

  await pushImage(packImage(moduleBytes("a")), { repository, tag: "app:v1" }, { limits });
  const digest = await pushImage(packImage(moduleBytes("b")), { repository, tag: "app:v1" }, { limits });
  const other = await pushImage(packImage(moduleBytes("a")), { repository, tag: "other:v1" }, { limits });

  assert.equal((await read.manifest("app:v1")).digest, digest);
  assert.equal(await read.digestOfTag("other:v1"), other);
  assert.equal(await read.digestOfTag("none"), undefined);
  await assert.rejects(read.manifest("none"), failing("NOT_FOUND", /it has app:v1, other:v1/));
  const layout = JSON.parse(await readFile(path.join(folder.path, "oci-layout"), "utf8")) as unknown;
  assert.deepEqual(layout, { imageLayoutVersion: "1.0.0" });
});

test("LayoutWriter does not write into a folder with another index.json", async () => {
  await using folder = await tempFolder();
  await writeFile(path.join(folder.path, "index.json"), "{}");
  const repository = new LayoutWriter(folder.path, limits);

  await assert.rejects(
    pushImage(packImage(moduleBytes()), { repository, tag: "v1" }, { limits }),
    failing("BAD_MANIFEST", /is no OCI image layout/),
  );
});
