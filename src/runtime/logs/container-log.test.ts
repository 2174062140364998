import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { FakeClock, type LogFields, type Logger } from "../../base/index.ts";
import { ContainerLog, MAX_WAITING_BYTES } from "./container-log.ts";

const TIME = "2026-01-01T00:00:00.000000000Z";
const rotation = { maxBytes: 10_000_000, maxFiles: 5 };

async function fixture() {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-log-"));
  const told: (readonly [string, LogFields | undefined])[] = [];
  const log: Logger = { error: (message, fields) => told.push([message, fields]), info: () => {}, debug: () => {} };
  const file = path.join(dir.path, "0.log");
  const containerLog = new ContainerLog({ path: file, rotation, clock: new FakeClock(), log });
  return { dir, file, told, containerLog, [Symbol.asyncDispose]: () => dir.remove() };
}

test("ContainerLog writes both streams in order and the rest when it is closed", async () => {
  await using it = await fixture();
  void it.containerLog.write("stdout", Buffer.from("out\nrest"));
  void it.containerLog.write("stderr", Buffer.from("err\n"));
  await it.containerLog[Symbol.asyncDispose]();
  await it.containerLog[Symbol.asyncDispose]();
  void it.containerLog.write("stdout", Buffer.from("too late\n"));

  assert.equal(await readFile(it.file, "utf8"), `${TIME} stdout F out\n${TIME} stderr F err\n${TIME} stdout F rest\n`);
});

test("ContainerLog asks a fast container to wait until its lines are on disk", async () => {
  await using it = await fixture();
  await using log = it.containerLog;
  assert.equal(log.write("stdout", Buffer.from("short\n")), undefined);

  const wait = log.write("stdout", Buffer.alloc(MAX_WAITING_BYTES, "x\n"));

  assert.ok(wait instanceof Promise);
  await wait;
  const lines = (await readFile(it.file, "utf8")).split("\n");
  assert.equal(lines.length, MAX_WAITING_BYTES / 2 + 2);
});

test("ContainerLog drops lines of a disk that is full, says it once, and tells the count when it can write again", async () => {
  await using it = await fixture();
  // Every write to /dev/full fails with ENOSPC; O_NOFOLLOW keeps a link to it from being opened, so it stands in the log's place itself.
  const log = new ContainerLog({
    path: "/dev/full",
    rotation,
    clock: new FakeClock(),
    log: { error: (message, fields) => it.told.push([message, fields]), info: () => {}, debug: () => {} },
  });
  void log.write("stdout", Buffer.from("a\nb\n"));
  await log[Symbol.asyncDispose]();

  assert.equal(log.droppedRecords, 2);
  assert.equal(it.told.length, 1);
  assert.match(String(it.told[0]?.[1]?.["error"]), /ENOSPC/);
});

test("ContainerLog goes on in the file once it can be made", async () => {
  await using it = await fixture();
  await symlink("elsewhere", it.file);
  void it.containerLog.write("stdout", Buffer.from("lost\nlost too\n"));
  await settled(() => it.containerLog.droppedRecords === 2);
  void it.containerLog.write("stdout", Buffer.from("lost as well\n"));
  await settled(() => it.containerLog.droppedRecords === 3);
  await rm(it.file);

  void it.containerLog.write("stdout", Buffer.from("kept\n"));
  await it.containerLog[Symbol.asyncDispose]();

  assert.equal(
    await readFile(it.file, "utf8"),
    `${TIME} stderr F wasipool: 3 lines were lost: the log could not be written (ELOOP)\n${TIME} stdout F kept\n`,
  );
  assert.equal(it.told.length, 1);
});

async function settled(isDone: () => boolean): Promise<void> {
  for (let turns = 0; !isDone(); turns++) {
    assert.ok(turns < 10_000, "it never came");
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
