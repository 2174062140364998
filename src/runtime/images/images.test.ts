import assert from "node:assert/strict";
import { cp, mkdtempDisposable, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { FakeClock } from "../../base/index.ts";
import type { RuntimeEvent } from "../observe.ts";
import { GuestImages } from "../testing/fakes.ts";
import { RuntimeImages } from "./images.ts";
import { type PrepareLimits, PrepareThread, resolvePrepareLimits } from "./prepare-thread.ts";

const CAT = path.resolve(import.meta.dirname, "../../../guests/test/cat.wasm");

async function fixture(limits: Partial<PrepareLimits> = {}) {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-images-"));
  const clock = new FakeClock();
  const source = new GuestImages(path.join(dir.path, "cache"));
  const events: RuntimeEvent[] = [];
  const images = new RuntimeImages({
    source,
    clock,
    limits: resolvePrepareLimits(limits),
    onEvent: (event) => void events.push(event),
  });
  return {
    dir: dir.path,
    source,
    events,
    images,
    /** Kinds of the events about an image, without progress. */
    told: (image: string) =>
      events.flatMap((event) =>
        "image" in event && event.image === image && event.kind !== "pull-progress" ? [event.kind] : [],
      ),
    /** The one prepared folder. */
    async prepared(): Promise<string> {
      const [version = ""] = await readdir(path.join(dir.path, "cache"));
      const [digest = ""] = await readdir(path.join(dir.path, "cache", version));
      return path.join(dir.path, "cache", version, digest);
    },
    async [Symbol.asyncDispose]() {
      await images[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}

test("pullImage() prepares a module once; the next one finds it on disk", async () => {
  await using it = await fixture();

  await it.images.pullImage("test/cat");
  await it.images.pullImage("test/cat");

  assert.deepEqual(it.told("test/cat"), ["pulled", "preparing", "prepared", "pulled", "prepared"]);
  assert.deepEqual(
    it.events.flatMap((event) => (event.kind === "prepared" ? [event.fromCache] : [])),
    [false, true],
  );
  assert.equal(WebAssembly.validate(await moduleOf(it.images, "test/cat")), true);
});

test("pullImage() of two images with one module prepares it once and tells of both", async () => {
  await using it = await fixture();
  const copy = path.join(it.dir, "copy.wasm");
  await cp(CAT, copy);

  await Promise.all([it.images.pullImage(CAT), it.images.pullImage(copy)]);

  for (const image of [CAT, copy]) assert.deepEqual(it.told(image), ["pulled", "preparing", "prepared"]);
});

for (const [name, damage] of [
  ["a module cut short", (folder: string) => truncate(path.join(folder, "module.wasm"), 100)],
  ["a changed module", (folder: string) => flip(path.join(folder, "module.wasm"))],
  ["a record that is no JSON", (folder: string) => writeFile(path.join(folder, "prepared.json"), "{")],
  ["a record of another form", (folder: string) => writeFile(path.join(folder, "prepared.json"), '{"module":1}')],
] as const) {
  test(`runnable() prepares anew when the disk holds ${name}`, async () => {
    await using it = await fixture();
    await it.images.pullImage("test/cat");
    const folder = await it.prepared();
    const whole = await readFile(path.join(folder, "module.wasm"));
    await damage(folder);

    const anew = await moduleOf(it.images, "test/cat");

    assert.deepEqual(anew, whole);
    assert.deepEqual(it.told("test/cat").slice(3), ["preparing", "prepared"]);
  });
}

async function moduleOf(images: RuntimeImages, name: string): Promise<Buffer<ArrayBuffer>> {
  await using image = await images.runnable(name);
  await using file = await image.module.open();
  // Awaited here: the file is open until then.
  return await readFile(`/proc/self/fd/${file.fd}`);
}

async function flip(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50);
  await writeFile(file, bytes);
}

test("pullImage() remembers why a module cannot run, and runnable() says it", async () => {
  await using it = await fixture();
  const component = path.join(it.dir, "component");
  await writeFile(component, Uint8Array.from([0, 97, 115, 109, 13, 0, 1, 0]));
  await it.images.pullImage(component);

  await assert.rejects(it.images.runnable(component), {
    code: "FAILED_PRECONDITION",
    message: /cannot run here: It is a component/,
  });
  assert.deepEqual(it.told(component), ["pulled", "preparing", "prepared", "prepared"]);
  assert.equal(
    [...it.source.leases.values()].every((count) => count === 0),
    true,
  );
});

test("runnable() says that a module is too large to be read", async () => {
  await using it = await fixture();
  const large = path.join(it.dir, "large");
  await writeFile(large, Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0]));
  await truncate(large, 64 * 1024 * 1024 + 1);
  await it.images.pullImage(large);

  await assert.rejects(it.images.runnable(large), {
    code: "FAILED_PRECONDITION",
    message: /cannot run here: .*67108865 bytes.*67108864/,
  });
});

test("pullImage() names the image when its module cannot be written", async () => {
  await using it = await fixture();
  await writeFile(path.join(it.dir, "cache"), "a file where a folder should be");

  await assert.rejects(it.images.pullImage("test/cat"), {
    code: "INTERNAL",
    message: /^Cannot prepare the module of image test\/cat: .*ENOTDIR/,
  });
});

test("pullImage() that is aborted ends at once; what is being prepared stays for others", async () => {
  await using it = await fixture();
  const abort = new AbortController();
  const pulling = it.images.pullImage("test/cat", undefined, abort.signal);
  await it.source.leased;

  abort.abort(new Error("enough"));

  await assert.rejects(pulling, /enough/);
  await using _ = await it.images.runnable("test/cat");
});

test("PrepareThread gives up a module that takes too long, and that one only", async () => {
  await using dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-prepare-"));
  const clock = new FakeClock();
  await using thread = new PrepareThread(clock, { timeoutMs: 1000, maxHeapMib: 128 });
  const slow = thread.prepare(CAT, path.join(dir.path, "slow"));
  const next = thread.prepare(CAT, path.join(dir.path, "next"));

  const isSlowRefused = assert.rejects(slow, { message: "It took longer than 1000 ms" });
  await clock.advance(1000);

  await isSlowRefused;
  await next;
  assert.deepEqual((await readdir(path.join(dir.path, "next"))).toSorted(), ["module.wasm", "prepared.json"]);
});

test("PrepareThread fails when the thread dies of a module, and starts another for the next", async () => {
  await using dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-prepare-"));
  await using thread = new PrepareThread(new FakeClock(), { timeoutMs: 1000, maxHeapMib: 8 });

  for (const target of ["a", "b"])
    await assert.rejects(thread.prepare(CAT, path.join(dir.path, target)), /memory limit/);
});

test("PrepareThread ends its thread when it is idle and starts it again when needed", async () => {
  await using dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-prepare-"));
  const clock = new FakeClock();
  await using thread = new PrepareThread(clock, resolvePrepareLimits());
  await thread.prepare(CAT, path.join(dir.path, "a"));
  assert.equal(clock.nextTimerMs, 10_000);

  await clock.advance(10_000);
  assert.equal(clock.nextTimerMs, undefined);

  await thread.prepare(CAT, path.join(dir.path, "b"));
});

test("PrepareThread that is disposed refuses what waits and what comes", async () => {
  const thread = new PrepareThread(new FakeClock(), resolvePrepareLimits());
  const refused = ["a", "b"].map((target) => assert.rejects(thread.prepare(CAT, target), /being closed/));

  await thread[Symbol.asyncDispose]();

  await Promise.all(refused);
  await assert.rejects(thread.prepare(CAT, "c"), /being closed/);
});

for (const [settings, message] of [
  [{ timeoutMs: 0 }, /timeoutMs must be from 100 to 3600000, not 0/],
  [{ timeoutMs: Number.NaN }, /timeoutMs must be/],
  [{ maxHeapMib: 1 }, /maxHeapMib must be from 64 to 65536, not 1/],
] as const) {
  test(`resolvePrepareLimits() refuses ${JSON.stringify(settings)}`, () => {
    assert.throws(() => resolvePrepareLimits(settings), { name: "RangeError", message });
  });
}
