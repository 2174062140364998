import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { getuid } from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { type Clock, FakeClock, silentLogger, systemClock } from "../../base/index.ts";
import { StoreError, type StoreErrorCode } from "../errors.ts";
import { type Digest, digestOf, hexOf } from "../reference/digest.ts";
import { moduleBytes, openStore, tempFolder } from "../testing/fixture.ts";
import type { ImageRecord } from "./image-record.ts";
import { createImageStore, type ImageStore } from "./image-store.ts";
import { LOCK_TIMEOUT_MS } from "./file-lock.ts";

function failing(code: StoreErrorCode, part: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, part);
    return true;
  };
}

async function* chunks(...all: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of all) yield Buffer.from(chunk);
}

async function putBlob(store: ImageStore, content: string | Uint8Array): Promise<Digest> {
  await using lease = await store.lease();
  const { digest } = await store.blobs.ingest(chunks(content), { name: "a blob", maxBytes: 1e6, lease });
  return digest;
}

/** Enters an image of a manifest and a module under `h.x/<name>:v1`. */
async function putImage(store: ImageStore, name: string, module = moduleBytes(name)): Promise<ImageRecord> {
  const manifest = `manifest of ${name}`;
  const record: ImageRecord = {
    digest: await putBlob(store, manifest),
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    moduleDigest: await putBlob(store, module),
    kind: "module",
    moduleBytes: module.length,
    blobs: [
      { digest: digestOf(Buffer.from(manifest)), size: manifest.length },
      { digest: digestOf(module), size: module.length },
    ],
    tags: [`h.x/${name}:v1`],
    digests: [`h.x/${name}@${digestOf(Buffer.from(manifest))}`],
    pulledAt: "2026-01-01T00:00:00.000Z",
  };
  await store.record(record);
  return record;
}

async function withStore(clock: Clock = systemClock) {
  const folder = await tempFolder();
  const root = path.join(folder.path, "store");
  const store = await createImageStore({ root, clock, log: silentLogger });
  const dispose = async () => {
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  return { store, root, [Symbol.asyncDispose]: dispose };
}

test("the store keeps images over a restart", async () => {
  await using folder = await tempFolder();
  const first = await openStore(folder.path);
  const record = await putImage(first, "a");
  const before = await first.find("h.x/a:v1");
  await first[Symbol.asyncDispose]();

  await using second = await openStore(folder.path);

  assert.deepEqual(await second.list(), [before]);
  assert.deepEqual(await second.find(record.digest), before);
  assert.deepEqual(await second.find(record.digests[0] ?? ""), before);
  assert.equal(await second.find("h.x/b:v1"), undefined);
  assert.equal(before?.modulePath, path.join(folder.path, "blobs", "sha256", hexOf(record.moduleDigest)));
});

test("the store's folders and files are for its user alone", async () => {
  await using world = await withStore();
  await putImage(world.store, "a");

  const names = await readdir(world.root, { recursive: true, withFileTypes: true });

  const open: string[] = [];
  for (const entry of names) {
    const { mode } = await stat(path.join(entry.parentPath, entry.name));
    if ((mode & 0o077) !== 0) open.push(entry.name);
  }
  assert.deepEqual(open, []);
  assert.equal((await stat(world.root)).mode & 0o777, 0o700);
});

for (const [format, shown] of [
  ["2\n", '"2"'],
  ["", '""'],
  ["x".repeat(100), /"x{20}"/.source],
] as const) {
  test(`createImageStore() refuses a store of format ${JSON.stringify(format.slice(0, 9))}`, async () => {
    await using folder = await tempFolder();
    await writeFile(path.join(folder.path, "format"), format);

    await assert.rejects(openStore(folder.path), failing("UNKNOWN_FORMAT", new RegExp(`has format ${shown}`)));
  });
}

test("createImageStore() says when the folder cannot be used", async () => {
  await using folder = await tempFolder();
  await writeFile(path.join(folder.path, "file"), "");

  await assert.rejects(openStore(path.join(folder.path, "file", "store")), failing("NO_ACCESS", /ENOTDIR/));
});

test(
  "createImageStore() says when the folder is read-only",
  { skip: getuid?.() === 0 ? "root may" : false },
  async () => {
    await using folder = await tempFolder();
    await chmod(folder.path, 0o500);

    await assert.rejects(openStore(folder.path), failing("NO_ACCESS", /EACCES/));
  },
);

test("find() does not know an image whose module is gone or cut short", async () => {
  await using world = await withStore();
  const { moduleDigest } = await putImage(world.store, "a");

  await writeFile(world.store.blobs.pathOf(moduleDigest), "short");

  assert.equal(await world.store.find("h.x/a:v1"), undefined);
});

test("list() says that its index is damaged", async () => {
  await using world = await withStore();
  await writeFile(path.join(world.root, "index.json"), '{"images":[{}]}');

  await assert.rejects(world.store.list(), failing("DAMAGED", /index\.json is damaged; remove it/));
});

test("blobs.read() refuses a damaged blob and names a missing one", async () => {
  await using world = await withStore();
  const digest = await putBlob(world.store, "content");
  assert.equal(Buffer.from(await world.store.blobs.read(digest)).toString(), "content");

  await writeFile(world.store.blobs.pathOf(digest), "c0ntent");

  await assert.rejects(world.store.blobs.read(digest), failing("DAMAGED", /is damaged/));
  await assert.rejects(world.store.blobs.read(digestOf(Buffer.from("x"))), failing("INCOMPLETE", /has no blob/));
});

test("blobs.ingest() leaves nothing behind when it fails, and says that the disk is full", async () => {
  await using world = await withStore();
  await using lease = await world.store.lease();
  async function* full(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("some");
    throw Object.assign(new Error("write failed"), { code: "ENOSPC", syscall: "write" });
  }

  await assert.rejects(
    world.store.blobs.ingest(full(), { name: "a blob", maxBytes: 100, lease }),
    failing("NO_SPACE", /no space is left on the disk/),
  );

  assert.deepEqual(await readdir(path.join(world.root, "ingest")), []);
  assert.deepEqual(await readdir(path.join(world.root, "blobs", "sha256")), []);
});

test("record() gives a tag to the image that came last and joins what is known of one", async () => {
  await using world = await withStore();
  const a = await putImage(world.store, "a");
  const b = await putImage(world.store, "b");

  await world.store.record({ ...b, tags: ["h.x/a:v1"], digests: [`h.x/a@${b.digest}`] });

  assert.deepEqual((await world.store.find(a.digest))?.tags, []);
  const joined = await world.store.find("h.x/a:v1");
  assert.equal(joined?.digest, b.digest);
  assert.deepEqual(joined?.tags, ["h.x/b:v1", "h.x/a:v1"]);
  assert.deepEqual(joined?.digests, [...b.digests, `h.x/a@${b.digest}`]);
});

test("remove() deletes an image with its last name, and keeps what others share", async () => {
  await using world = await withStore();
  const shared = moduleBytes("shared");
  const a = await putImage(world.store, "a", shared);
  await putImage(world.store, "b", shared);
  await world.store.record({ ...a, tags: ["h.x/a:v2"] });

  assert.deepEqual(await world.store.remove("h.x/a:v1"), { name: "h.x/a:v1", isDeleted: false, freedBytes: 0 });
  const last = await world.store.remove("h.x/a:v2");

  assert.deepEqual(last, { name: "h.x/a:v2", isDeleted: true, freedBytes: "manifest of a".length });
  assert.equal(await world.store.find(a.digest), undefined);
  assert.equal((await world.store.find("h.x/b:v1"))?.moduleDigest, digestOf(shared));
  assert.equal(await world.store.remove("h.x/a:v1"), undefined);
});

test("remove() of a digest takes all names", async () => {
  await using world = await withStore();
  const { digest } = await putImage(world.store, "a");

  assert.equal((await world.store.remove(digest))?.isDeleted, true);
  assert.deepEqual(await readdir(path.join(world.root, "blobs", "sha256")), []);
});

test("remove() keeps a leased image until its lease ends", async () => {
  await using world = await withStore();
  const { digest, moduleDigest } = await putImage(world.store, "a");
  const lease = await world.store.lease(moduleDigest);

  assert.deepEqual(await world.store.remove("h.x/a:v1"), { name: "h.x/a:v1", isDeleted: false, freedBytes: 0 });
  assert.equal(await world.store.find("h.x/a:v1"), undefined);
  assert.equal((await world.store.find(digest))?.digest, digest);
  assert.deepEqual((await world.store.collectGarbage({ maxBytes: 0 })).images, []);

  await lease[Symbol.asyncDispose]();
  assert.deepEqual((await world.store.collectGarbage({ maxBytes: 1e9 })).images, [digest]);
});

test("collectGarbage() removes what was used least recently, down to the goal, with what was prepared from it", async () => {
  const clock = new FakeClock();
  await using world = await withStore(clock);
  const records: ImageRecord[] = [];
  for (const name of ["a", "b", "c"]) records.push(await putImage(world.store, name));
  for (const [index, { digest, moduleDigest }] of records.entries()) {
    const time = new Date(clock.now() - 10_000 + index);
    await utimes(world.store.blobs.pathOf(digest), time, time);
    const folder = world.store.preparedFolder(moduleDigest, "1.1");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "module.wasm"), Buffer.alloc(1000));
  }
  await (await world.store.lease(records[0]!.digest))[Symbol.asyncDispose]();

  const report = await world.store.collectGarbage({ maxBytes: 2200 });

  assert.deepEqual(report, { images: [records[1]!.digest], freedBytes: 1000 + "manifest of b".length + 12 });
  assert.deepEqual(
    (await readdir(path.join(world.root, "prepared"))).toSorted(),
    [records[0]!, records[2]!].map(({ moduleDigest }) => hexOf(moduleDigest)).toSorted(),
  );
});

test("collectGarbage() does nothing on a disk that is not full, and removes all it may on one that is", async () => {
  await using world = await withStore();
  const { digest } = await putImage(world.store, "a");

  assert.deepEqual(await world.store.collectGarbage({ highPercent: 101, lowPercent: 0 }), {
    images: [],
    freedBytes: 0,
  });
  assert.deepEqual((await world.store.collectGarbage({ highPercent: 0, lowPercent: 0 })).images, [digest]);
});

test("collectGarbage() removes blobs of no image, but not one that is being pulled", async () => {
  await using world = await withStore();
  const orphan = await putBlob(world.store, "left behind by a crash");
  await using lease = await world.store.lease();
  const { digest } = await world.store.blobs.ingest(chunks("pulled"), { name: "x", maxBytes: 10, lease });

  await world.store.collectGarbage({ maxBytes: 1e9 });

  assert.deepEqual(await readdir(path.join(world.root, "blobs", "sha256")), [hexOf(digest)]);
  assert.notEqual(orphan, digest);
});

test("collectGarbage() removes what other versions prepared, unless the module is in use", async () => {
  await using world = await withStore();
  const free = await putImage(world.store, "a");
  const used = await putImage(world.store, "b");
  for (const { moduleDigest } of [free, used]) {
    for (const version of ["1.1", "2.1"])
      await mkdir(world.store.preparedFolder(moduleDigest, version), { recursive: true });
  }
  await using _ = await world.store.lease(used.moduleDigest);

  await world.store.collectGarbage({ maxBytes: 1e9 });

  const left = async ({ moduleDigest }: ImageRecord) =>
    (await readdir(path.dirname(world.store.preparedFolder(moduleDigest, "2.1")))).toSorted();
  assert.deepEqual([await left(free), await left(used)], [["2.1"], ["1.1", "2.1"]]);
});

test("preparedFolder() takes no name that leads elsewhere", async () => {
  await using world = await withStore();
  const digest = digestOf(moduleBytes());

  assert.equal(world.store.preparedFolder(digest, "3.1"), path.join(world.root, "prepared", hexOf(digest), "3.1"));
  for (const version of ["", "..", ".", "a/b", "a\0"]) {
    assert.throws(() => world.store.preparedFolder(digest, version), SyntaxError);
  }
  assert.throws(() => world.store.preparedFolder("sha256:../x", "1"), SyntaxError);
});

test("usage() counts everything below the root", async () => {
  await using world = await withStore();
  const before = await world.store.usage();

  await putBlob(world.store, "12345");

  const after = await world.store.usage();
  assert.equal(after.bytes - before.bytes, 5);
  assert.equal(after.files - before.files, 1);
  assert.equal(after.root, world.root);
});

test("leases of another process count while it lives, and are forgotten with its unfinished files when it is killed", async () => {
  await using world = await withStore();
  const { digest } = await putImage(world.store, "a");
  const other = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      "--input-type=module-typescript",
      "--eval",
      `import { openStore } from ${JSON.stringify(pathToFileURL(path.join(import.meta.dirname, "../testing/fixture.ts")))};
       const store = await openStore(${JSON.stringify(world.root)});
       const lease = await store.lease(${JSON.stringify(digest)});
       async function* never() { yield Buffer.from("unfinished"); process.stdout.write("ready"); await new Promise(() => {}); }
       setInterval(() => {}, 1000);
       await store.blobs.ingest(never(), { name: "x", maxBytes: 100, lease });`,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await once(other.stdout, "data");

  assert.deepEqual((await world.store.collectGarbage({ maxBytes: 0 })).images, []);
  assert.equal((await readdir(path.join(world.root, "ingest"))).length, 1);
  other.kill("SIGKILL");
  await once(other, "exit");

  assert.deepEqual((await world.store.collectGarbage({ maxBytes: 0 })).images, [digest]);
  assert.deepEqual(await readdir(path.join(world.root, "ingest")), []);
  assert.equal((await readdir(path.join(world.root, "leases"))).length, 1);
});

test("two stores on one folder see each other's images and change them in turn", async () => {
  await using world = await withStore();
  await using other = await openStore(world.root);
  const names = Array.from({ length: 8 }, (_, index) => `image${index}`);

  await Promise.all(names.map((name, index) => putImage(index % 2 === 0 ? world.store : other, name)));

  const listed = (await world.store.list()).flatMap(({ tags }) => tags).toSorted();
  assert.deepEqual(
    listed,
    names.map((name) => `h.x/${name}:v1`),
  );
  assert.deepEqual((await other.list()).length, 8);
});

test("the store waits for another's lock, and gives up after LOCK_TIMEOUT_MS", async () => {
  const clock = new FakeClock();
  await using world = await withStore(clock);
  const { tryLock } = await import("./file-lock.ts");
  await using held = await tryLock(path.join(world.root, "lock"));
  assert.ok(held);

  const waiting = assert.rejects(world.store.collectGarbage({ maxBytes: 0 }), failing("BUSY", /has held/));
  while (clock.monotonic() <= LOCK_TIMEOUT_MS) {
    await new Promise<void>((resolve) => void setTimeout(resolve, 1));
    await clock.advance(LOCK_TIMEOUT_MS / 2);
  }
  await held[Symbol.asyncDispose]();

  await waiting;
});

test("the index is there whole or not at all", async () => {
  await using world = await withStore();
  await putImage(world.store, "a");

  const written = await readFile(path.join(world.root, "index.json"), "utf8");

  assert.equal((JSON.parse(written) as { images: unknown[] }).images.length, 1);
});
