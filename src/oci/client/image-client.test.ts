import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../base/index.ts";
import { digestOf } from "../reference/digest.ts";
import { parseReference } from "../reference/reference.ts";
import {
  componentBytes,
  formats,
  image,
  IMAGE_CONFIG,
  type ImageFixture,
  index,
  json,
  moduleBytes,
  openStore,
  tarLayer,
  tempFolder,
  writeLayoutFixture,
} from "../testing/fixture.ts";
import { createImageClient } from "./image-client.ts";

/** A client whose registry `example.com` is a layout that holds `images` under `<key>:v1`. */
async function clientOf(images: Readonly<Record<string, ImageFixture>>) {
  const folder = await tempFolder();
  const layout = path.join(folder.path, "layout");
  const tagged = Object.fromEntries(Object.entries(images).map(([name, fixture]) => [`${name}:v1`, fixture]));
  await writeLayoutFixture(layout, tagged);
  const store = await openStore(path.join(folder.path, "store"));
  const mirrors = new Map([["example.com", [{ kind: "layout", folder: layout } as const]]]);
  const client = createImageClient({ store, mirrors, clock: systemClock, log: silentLogger, limits: {} });
  const pull = (name: string) => client.pull(parseReference(`example.com/${name}`));
  const dispose = async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  return { store, client, pull, layout, [Symbol.asyncDispose]: dispose };
}

for (const [format, fixture] of Object.entries(await formats())) {
  test(`pull() finds the module of format ${format}`, async () => {
    await using world = await clientOf({ app: fixture });

    const pulled = await world.pull("app:v1");

    assert.equal(pulled.digest, fixture.digest);
    assert.equal(pulled.moduleDigest, digestOf(moduleBytes()));
    assert.equal(pulled.kind, "module");
    assert.deepEqual(pulled.tags, ["example.com/app:v1"]);
    assert.deepEqual(pulled.digests, [`example.com/app@${fixture.digest}`]);
    assert.deepEqual(new Uint8Array(await readFile(pulled.modulePath)), new Uint8Array(moduleBytes()));
    assert.deepEqual(await world.store.find("example.com/app:v1"), pulled);
  });
}
