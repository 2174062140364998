import assert from "node:assert/strict";
import { appendFile, mkdtempDisposable, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/index.ts";
import { followLog, type FollowOptions } from "./follow-log.ts";
import { LogFile } from "./log-file.ts";

const clock = systemClock;
const record = (text: string) => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`;
const records = (...texts: string[]) => texts.map((text) => record(text)).join("");

async function fixture(...texts: string[]) {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-follow-"));
  const file = path.join(dir.path, "0.log");
  if (texts.length > 0) await writeFile(file, records(...texts));
  return { file, [Symbol.asyncDispose]: () => dir.remove() };
}

async function read(file: string, options: Partial<FollowOptions> = {}): Promise<string[]> {
  return Array.fromAsync(followLog(file, { clock, ...options }), ({ text }) => text);
}

test("followLog() reads all records, skips what is none and ends without follow", async () => {
  await using it = await fixture("a", "b");
  await appendFile(it.file, `garbage\n${record("c")}unfinished`);

  assert.deepEqual(await read(it.file), ["a", "b", "c"]);
});

test("followLog() throws ENOENT when there is no file", async () => {
  await using it = await fixture();
  await assert.rejects(read(it.file), { code: "ENOENT" });
});

for (const [tail, wanted] of [
  [0, []],
  [1, ["c"]],
  [2, ["b", "c"]],
  [3, ["a", "b", "c"]],
  [9, ["a", "b", "c"]],
] as const) {
  test(`followLog() begins ${tail} records before the end`, async () => {
    await using it = await fixture("a", "b", "c");
    assert.deepEqual(await read(it.file, { tail }), wanted);
  });
}

test("followLog() counts the tail over many blocks of a long file", async () => {
  const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${"x".repeat(i % 97)}`);
  await using it = await fixture(...texts);

  assert.deepEqual(await read(it.file, { tail: 2500 }), texts.slice(-2500));
});

test("followLog() waits for the file, follows it and ends with what was written before the end", async () => {
  await using it = await fixture();
  const ended = new AbortController();
  const log = followLog(it.file, { clock, follow: true, ended: ended.signal });
  const first = log.next();
  await writeFile(it.file, records("a"));
  assert.equal((await first).value?.text, "a");

  const second = log.next();
  await appendFile(it.file, records("b"));
  assert.equal((await second).value?.text, "b");

  await appendFile(it.file, records("c", "d"));
  ended.abort();
  assert.deepEqual(await Array.fromAsync(log, ({ text }) => text), ["c", "d"]);
});

test("followLog() loses nothing over rotations, several of them between two looks", async () => {
  await using it = await fixture();
  await using file = await LogFile.open(it.file, { maxBytes: 200, maxFiles: 50 });
  const ended = new AbortController();
  const log = followLog(it.file, { clock, follow: true, ended: ended.signal });
  const texts = Array.from({ length: 60 }, (_, i) => `line ${i}`);

  await file.append(Buffer.from(records(texts[0] ?? "")), Date.now());
  assert.equal((await log.next()).value?.text, "line 0");
  for (const text of texts.slice(1)) await file.append(Buffer.from(records(text)), Date.now());
  ended.abort();

  assert.deepEqual(await Array.fromAsync(log, ({ text }) => text), texts.slice(1));
});

test("followLog() ends at once when it is aborted", async () => {
  await using it = await fixture("a");
  const abort = new AbortController();
  const log = followLog(it.file, { clock, follow: true, signal: abort.signal });
  assert.equal((await log.next()).value?.text, "a");
  const next = log.next();
  abort.abort();

  assert.equal((await next).done, true);
});

test("followLog() survives a rotation that has not made the new file yet", async () => {
  await using it = await fixture("a");
  const log = followLog(it.file, { clock, follow: true });
  assert.equal((await log.next()).value?.text, "a");
  const next = log.next();
  await rename(it.file, `${it.file}.20260101-000000`);
  await writeFile(it.file, records("b"));

  assert.equal((await next).value?.text, "b");
  await log.return(undefined);
});
