// Two tenants on one volume: one exchanges a folder for a symlink to outside all the time, the other, a guest, works below it.
import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { kernelDecides, type OpenBeneath, walkBeneath } from "../../src/wasi/files/index.ts";
import { Errno } from "../../src/wasi/preview1/errno.ts";
import { FileGuest, OpenFlag } from "../../src/wasi/testing/files.ts";
import type { SwapperData } from "./race-swapper.ts";

const WAYS: Readonly<Record<string, OpenBeneath>> = { kernelDecides, walkBeneath };
const SECRET = "what-no-guest-may-read";
const INSIDE = "of the guest";
const VOLUME = 3;
const RACE_MS = 1500;

/** How often each errno was answered: the race is one only when the guest met both the folder and the symlink. */
type Tally = Map<number, number>;

for (const [way, openBeneath] of Object.entries(WAYS)) {
  test(`a folder exchanged for a symlink all the time never leads out (${way})`, async () => {
    await using scratch = await mkdtempDisposable(path.join(tmpdir(), "wasipool-race-"));
    const root = scratch.path;
    const volume = plant(root);
    const outside = path.join(root, "outside");
    const before = statSync(path.join(outside, "file.txt"), { bigint: true });
    const shared = new SharedArrayBuffer(8);
    const state = new Int32Array(shared);
    const swapper = new Worker(new URL("race-swapper.ts", import.meta.url), {
      workerData: { volume, shared } satisfies SwapperData,
    });
    const ended = once(swapper, "exit").then(([code]) => assert.equal(code, 0));

    let tally: Tally;
    try {
      await once(swapper, "online");
      tally = attack(volume, openBeneath, state);
    } finally {
      Atomics.store(state, 1, 1);
      await ended;
    }

    assert.ok(Atomics.load(state, 0) > 1000, `only ${Atomics.load(state, 0)} exchanges`);
    assert.ok((tally.get(Errno.SUCCESS) ?? 0) > 100, "the guest never met the folder");
    assert.ok((tally.get(Errno.PERM) ?? 0) > 100, "the guest never met the symlink");
    assert.deepEqual(readdirSync(outside), ["file.txt"]);
    assert.equal(readFileSync(path.join(outside, "file.txt"), "utf8"), SECRET);
    const after = statSync(path.join(outside, "file.txt"), { bigint: true });
    assert.deepEqual([after.mtimeNs, after.ctimeNs, after.nlink], [before.mtimeNs, before.ctimeNs, 1n]);
  });
}

function plant(root: string): string {
  const volume = path.join(root, "volume");
  mkdirSync(path.join(volume, "folder"), { recursive: true });
  mkdirSync(path.join(root, "outside"));
  writeFileSync(path.join(volume, "folder/file.txt"), INSIDE);
  writeFileSync(path.join(root, "outside/file.txt"), SECRET);
  symlinkSync("../outside", path.join(volume, "link"));
  return volume;
}

/** Works below the folder until the time is up; fails at once when something of outside is reached. */
function attack(volume: string, openBeneath: OpenBeneath, state: Int32Array): Tally {
  const fd = openSync(volume, constants.O_RDONLY);
  const secretInode = statSync(path.join(volume, "../outside/file.txt"), { bigint: true }).ino;
  const tally: Tally = new Map();
  const count = (errno: number) => void tally.set(errno, (tally.get(errno) ?? 0) + 1);
  try {
    using guest = new FileGuest({ openBeneath, preopens: [{ guestPath: "/data", fd, readOnly: false }] });
    Atomics.wait(state, 0, 0, 10_000);
    for (const end = performance.now() + RACE_MS; performance.now() < end;) {
      for (const name of ["folder/file.txt", "folder/../folder/file.txt", "folder/./file.txt"]) {
        count(readOnce(guest, name));
        const stat = guest.stat(VOLUME, name);
        if (typeof stat !== "number") assert.notEqual(stat.inode, secretInode);
        count(typeof stat === "number" ? stat : Errno.SUCCESS);
      }
      count(guest.setTimes(VOLUME, "folder/file.txt"));
      count(change(guest, guest.open(VOLUME, "folder/new", { openFlags: OpenFlag.CREATE })));
      count(guest.unlink(VOLUME, "folder/new"));
      count(guest.createDirectory(VOLUME, "folder/made/"));
      count(guest.removeDirectory(VOLUME, "folder/made"));
      count(guest.symlink("file.txt", VOLUME, "folder/planted"));
      count(guest.unlink(VOLUME, "folder/planted"));
      count(guest.link(VOLUME, "folder/file.txt", VOLUME, "folder/linked"));
      count(guest.unlink(VOLUME, "folder/linked"));
      count(guest.rename(VOLUME, "folder/file.txt", VOLUME, "folder/moved"));
      count(guest.rename(VOLUME, "folder/moved", VOLUME, "folder/file.txt"));
    }
    assert.equal(guest.bytes.indexOf(SECRET), -1, "a secret is in the guest's memory");
  } finally {
    closeSync(fd);
  }
  return tally;
}

function readOnce(guest: FileGuest, name: string): number {
  const fd = guest.open(VOLUME, name);
  if (fd < 0) return -fd;
  assert.notEqual(guest.read(fd), SECRET);
  return guest.close(fd);
}

function change(guest: FileGuest, fd: number): number {
  if (fd < 0) return -fd;
  guest.write(fd, "x");
  return guest.close(fd);
}
