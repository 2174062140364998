import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { FakeClock, silentLogger } from "../../base/index.ts";
import {
  createImageClient,
  createImageStore,
  DEFAULT_LIMITS,
  LayoutWriter,
  packImage,
  pushImage,
} from "../../oci/index.ts";
import { RuntimeImages } from "./images.ts";
import { createOciImages } from "./oci-images.ts";
import { resolvePrepareLimits } from "./prepare-thread.ts";

const CAT = path.resolve(import.meta.dirname, "../../../guests/test/cat.wasm");
const NAME = "registry.example/test/cat:v1";

/** A store that is empty, and a layout that stands for registry.example. */
async function fixture() {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-oci-"));
  const clock = new FakeClock();
  const folder = path.join(dir.path, "layout");
  const digest = await pushImage(
    packImage(await readFile(CAT)),
    { repository: new LayoutWriter(folder, DEFAULT_LIMITS), tag: NAME },
    { limits: DEFAULT_LIMITS },
  );
  const store = await createImageStore({ root: path.join(dir.path, "store"), clock, log: silentLogger });
  const mirrors = new Map([["registry.example", [{ kind: "layout", folder } as const]]]);
  const client = createImageClient({ store, mirrors, clock, log: silentLogger, limits: { maxAttempts: 1 } });
  const source = createOciImages(store, client, () => clock.now());
  const images = new RuntimeImages({ source, clock, limits: resolvePrepareLimits(), onEvent: () => {} });
  return {
    digest,
    folder,
    source,
    images,
    async [Symbol.asyncDispose]() {
      await images[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}

test("an image of a layout is pulled, prepared, listed and found by its name and its digest", async () => {
  await using it = await fixture();
  assert.equal(await it.images.imageStatus(NAME), undefined);

  assert.equal(await it.images.pullImage(NAME), it.digest);

  const [image] = await it.images.listImages();
  assert.equal(image?.id, it.digest);
  assert.deepEqual(image.repoTags, [NAME]);
  assert.deepEqual(await it.images.imageStatus(it.digest), image);
  await using runnable = await it.images.runnable(NAME);
  assert.equal(runnable.imageRef, it.digest);
  const { usedBytes, inodesUsed, timestamp } = await it.images.imageFsInfo();
  assert.ok(usedBytes > image.size && inodesUsed > 3n);
  assert.equal(timestamp, BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n);
});

test("removeImage() takes the names; the image goes with its last use", async () => {
  await using it = await fixture();
  await it.images.pullImage(NAME);
  const used = await it.images.runnable(NAME);

  await it.images.removeImage(NAME);
  assert.equal(await it.images.imageStatus(NAME), undefined);
  await using file = await used.module.open();
  assert.ok(file.fd > 0);
  await used[Symbol.asyncDispose]();
  await it.images.removeImage(it.digest);
  await it.images.removeImage(it.digest);

  assert.deepEqual(await it.images.listImages(), []);
});

test("faults come with CRI's codes and the image's name", async () => {
  await using it = await fixture();

  await assert.rejects(it.images.pullImage("Not A Name"), { name: "CriError", code: "INVALID_ARGUMENT" });
  await assert.rejects(it.images.imageStatus("Not A Name"), { name: "CriError", code: "INVALID_ARGUMENT" });
  await rm(it.folder, { recursive: true });
  await assert.rejects(it.images.pullImage("127.0.0.1:1/test/cat:v1"), {
    name: "CriError",
    code: "UNAVAILABLE",
    message: /127\.0\.0\.1:1/,
  });
});

test("pullImage() rejects with an abort's own reason", async () => {
  await using it = await fixture();

  await assert.rejects(it.images.pullImage(NAME, undefined, AbortSignal.abort(new Error("enough"))), {
    name: "Error",
    message: "enough",
  });
});
