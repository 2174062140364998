import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { LogFile, resolveRotation, rotatedFiles } from "./log-file.ts";

const NOW = Date.UTC(2026, 10, 24, 15, 45, 1);
const folder = () => mkdtempDisposable(path.join(tmpdir(), "wasipool-log-"));

test("LogFile.open() makes folder and file for its owner only and appends to what is there", async () => {
  await using dir = await folder();
  const file = path.join(dir.path, "web", "0.log");

  for (const line of ["one\n", "two\n"]) {
    await using log = await LogFile.open(file, { maxBytes: 100, maxFiles: 2 });
    await log.append(Buffer.from(line), NOW);
  }

  assert.equal(await readFile(file, "utf8"), "one\ntwo\n");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal((await stat(path.dirname(file))).mode & 0o777, 0o700);
});

test("LogFile.open() does not write through a planted link", async () => {
  await using dir = await folder();
  const file = path.join(dir.path, "0.log");
  await writeFile(path.join(dir.path, "victim"), "");
  await symlink("victim", file);

  await assert.rejects(LogFile.open(file, { maxBytes: 100, maxFiles: 2 }), { code: "ELOOP" });
});

test("LogFile puts a full file aside under the kubelet's name, in order, and keeps the newest", async () => {
  await using dir = await folder();
  const file = path.join(dir.path, "0.log");
  await using log = await LogFile.open(file, { maxBytes: 10, maxFiles: 3 });
  await writeFile(path.join(dir.path, "0.log.kept"), "not ours");

  for (let i = 0; i < 6; i++) await log.append(Buffer.from(`line ${i}\n`), NOW + (i > 4 ? 1000 : 0));

  assert.deepEqual((await readdir(dir.path)).toSorted(), [
    "0.log",
    "0.log.20261124-154501.0003",
    "0.log.20261124-154502",
    "0.log.kept",
  ]);
  assert.deepEqual(await Promise.all([...(await rotatedFiles(file)), file].map((name) => readFile(name, "utf8"))), [
    "line 3\n",
    "line 4\n",
    "line 5\n",
  ]);
});

test("LogFile keeps records larger than its limit whole", async () => {
  await using dir = await folder();
  const file = path.join(dir.path, "0.log");
  await using log = await LogFile.open(file, { maxBytes: 4, maxFiles: 5 });

  await log.append(Buffer.from("longer\n"), NOW);
  assert.equal(await readFile(file, "utf8"), "longer\n");
});

test("resolveRotation() fills in the kubelet's defaults and refuses what would keep no log", () => {
  assert.deepEqual(resolveRotation(), { maxBytes: 10_485_760, maxFiles: 5 });
  assert.deepEqual(resolveRotation({ maxFiles: 1 }), { maxBytes: 10_485_760, maxFiles: 1 });
  for (const settings of [{ maxBytes: 4095 }, { maxBytes: Number.NaN }, { maxFiles: 0 }, { maxFiles: 1.5 }])
    assert.throws(() => resolveRotation(settings), { name: "RangeError", message: /^Log rotation: max/ });
});
