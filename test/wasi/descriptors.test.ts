// Descriptors of the process: whatever guests do, a run leaves none behind.
import assert from "node:assert/strict";
import { closeSync, constants, fstatSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { kernelDecides, type OpenBeneath, walkBeneath } from "../../src/wasi/files/index.ts";
import { Errno } from "../../src/wasi/preview1/errno.ts";
import { ProcExit, WouldBlock } from "../../src/wasi/preview1/unwinding.ts";
import { ALL_RIGHTS, FileGuest, OpenFlag } from "../../src/wasi/testing/files.ts";
import { makeFifo } from "../../src/wasi/testing/nodes.ts";

const WAYS: Readonly<Record<string, OpenBeneath>> = { kernelDecides, walkBeneath };
const VOLUME = 3;
const FOLDER_RIGHTS = ALL_RIGHTS & ~64n;
const RUNS = 30;

type Run = (guest: FileGuest) => void;

const LIVES: Readonly<Record<string, Run>> = {
  "opens and closes": (guest) => {
    assert.equal(guest.close(guest.open(VOLUME, "file.txt")), Errno.SUCCESS);
  },
  "opens and leaves open": (guest) => {
    for (let index = 0; index < 20; index++) assert.ok(guest.open(VOLUME, "file.txt") > VOLUME);
    for (let index = 0; index < 5; index++) {
      const folder = guest.open(VOLUME, "folder", { rights: FOLDER_RIGHTS });
      assert.ok(Array.isArray(guest.list(folder)));
    }
  },
  "lists the volume": (guest) => {
    assert.ok(Array.isArray(guest.list(VOLUME)));
  },
  "lists the volume and closes it": (guest) => {
    assert.ok(Array.isArray(guest.list(VOLUME)));
    assert.equal(guest.close(VOLUME), Errno.SUCCESS);
  },
  "renumbers over files, folders, streams and the volume": (guest) => {
    const folder = guest.open(VOLUME, "folder", { rights: FOLDER_RIGHTS });
    guest.list(folder);
    for (const to of [guest.open(VOLUME, "file.txt"), 0, 1, VOLUME]) {
      assert.equal(guest.call("fd_renumber", guest.open(folder, "inner.txt"), to), Errno.SUCCESS);
    }
    assert.equal(guest.call("fd_renumber", folder, 2), Errno.SUCCESS);
  },
  "fails in every way": (guest) => {
    for (const name of ["missing", "out", "out/file", "loop", "fifo", "file.txt/x", "..", "/", "", "\0"]) {
      assert.ok(guest.open(VOLUME, name) < 0, name);
      assert.ok(guest.open(VOLUME, name, { openFlags: OpenFlag.DIRECTORY }) < 0, name);
      guest.stat(VOLUME, name);
      guest.setTimes(VOLUME, name);
      guest.createDirectory(VOLUME, `${name}/x`);
      guest.removeDirectory(VOLUME, `${name}/x`);
      guest.unlink(VOLUME, `${name}/x`);
      guest.readlink(VOLUME, `folder/${name}`);
      guest.rename(VOLUME, `folder/${name}`, VOLUME, `${name}/y`);
      guest.link(VOLUME, `folder/${name}`, VOLUME, `${name}/y`);
    }
  },
  "meets its limit of open files": (guest) => {
    while (guest.open(VOLUME, "file.txt") > 0);
    assert.equal(guest.open(VOLUME, "file.txt"), -Errno.MFILE);
  },
  exits: (guest) => {
    guest.open(VOLUME, "file.txt");
    assert.throws(() => guest.call("proc_exit", 3), ProcExit);
  },
};

const FAST_LIVES: Readonly<Record<string, Run>> = {
  "is thrown away at a change": (guest) => {
    guest.open(VOLUME, "file.txt");
    const effect = { name: "WouldBlock", reason: "effect" };
    assert.throws(() => guest.createDirectory(VOLUME, "folder/new"), effect);
    assert.throws(() => guest.setTimes(VOLUME, "folder/inner.txt"), effect);
    assert.throws(() => guest.rename(VOLUME, "folder/inner.txt", VOLUME, "x"), effect);
    assert.throws(() => guest.open(VOLUME, "folder/new", { openFlags: OpenFlag.CREATE }), WouldBlock);
  },
};

/** Kernel's descriptors of this process. */
function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

for (const [way, openBeneath] of Object.entries(WAYS)) {
  const all = [
    ...Object.entries(LIVES).map(([title, run]) => ["sliced", title, run] as const),
    ...Object.entries(FAST_LIVES).map(([title, run]) => ["fast", title, run] as const),
  ];
  for (const [mode, title, run] of all) {
    test(`a guest that ${title} leaves no descriptor behind (${way})`, async () => {
      await using scratch = await mkdtempDisposable(path.join(tmpdir(), "wasipool-descriptors-"));
      const fd = openSync(plant(scratch.path), constants.O_RDONLY);
      try {
        const before = descriptors();
        for (let index = 0; index < RUNS; index++) {
          using guest = new FileGuest({ openBeneath, mode, preopens: [{ guestPath: "/", fd, readOnly: false }] });
          run(guest);
        }
        assert.equal(descriptors(), before);
        assert.ok(fstatSync(fd).isDirectory(), "the preopen belongs to its maker and is open");
      } finally {
        closeSync(fd);
      }
    });
  }
}

function plant(root: string): string {
  const volume = path.join(root, "volume");
  mkdirSync(path.join(volume, "folder"), { recursive: true });
  for (const file of ["file.txt", "folder/inner.txt"]) writeFileSync(path.join(volume, file), "content");
  symlinkSync("..", path.join(volume, "out"));
  symlinkSync("loop", path.join(volume, "loop"));
  makeFifo(path.join(volume, "fifo"));
  return volume;
}
