import assert from "node:assert/strict";
import { chmodSync, existsSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ALL_RIGHTS, type FileGuest, OpenFlag, type OpenOptions } from "../testing/files.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const RIGHT = { READ: 2n, WRITE: 64n, ALLOCATE: 2n ** 8n, READDIR: 2n ** 14n, PATH_OPEN: 2n ** 13n } as const;
const { CREATE, DIRECTORY, EXCLUSIVE, TRUNCATE } = OpenFlag;
const TREE = { file: "content", "folder/inner": "inner", link: { link: "file" }, gone: { link: "nothing" } } as const;

/** 0 for what was opened (and closed again), else the errno. */
function tryOpen(guest: FileGuest, name: string, options: OpenOptions = {}): number {
  const fd = guest.open(VOLUME, name, options);
  return fd < 0 ? -fd : guest.close(fd);
}

test("path_open() opens for reading, writing or both, as the rights say", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const reading = guest.open(VOLUME, "file", { rights: RIGHT.READ });
  const writing = guest.open(VOLUME, "file", { rights: RIGHT.WRITE });
  const both = guest.open(VOLUME, "file", { rights: RIGHT.READ | RIGHT.WRITE });
  const neither = guest.open(VOLUME, "file", { rights: 0n });

  assert.deepEqual([guest.read(reading), guest.write(reading, "x")], ["content", -Errno.NOTCAPABLE]);
  assert.deepEqual([guest.read(writing), guest.write(writing, "C")], [-Errno.NOTCAPABLE, 1]);
  assert.deepEqual([guest.read(both, 3), guest.write(both, "T")], ["Con", 1]);
  assert.deepEqual([guest.read(neither), guest.write(neither, "x")], [-Errno.NOTCAPABLE, -Errno.NOTCAPABLE]);
  assert.equal(volume.content("file"), "ConTent");
});

test("path_open() creates, exclusively or not, and cuts", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;

  assert.equal(tryOpen(guest, "new", { openFlags: CREATE | EXCLUSIVE }), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "new", { openFlags: CREATE | EXCLUSIVE }), Errno.EXIST);
  assert.equal(tryOpen(guest, "new", { openFlags: CREATE }), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "folder/new", { openFlags: CREATE, rights: RIGHT.READ }), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "missing/new", { openFlags: CREATE }), Errno.NOENT);
  assert.equal(volume.content("file"), "content");
  assert.equal(tryOpen(guest, "file", { openFlags: TRUNCATE, rights: RIGHT.READ }), Errno.SUCCESS);
  assert.equal(volume.content("file"), "");
  assert.equal(statSync(path.join(volume.path, "new")).mode & 0o111, 0);
});

test("path_open() follows a symlink at the end only when asked to", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;

  assert.equal(tryOpen(guest, "link"), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "link", { follow: false }), Errno.LOOP);
  assert.equal(tryOpen(guest, "gone"), Errno.NOENT);
  assert.equal(tryOpen(guest, "gone", { openFlags: CREATE | EXCLUSIVE }), Errno.EXIST);
  assert.equal(existsSync(path.join(volume.path, "nothing")), false);
  assert.equal(tryOpen(guest, "gone", { openFlags: CREATE }), Errno.SUCCESS);
  assert.equal(existsSync(path.join(volume.path, "nothing")), true);
});

test("path_open() of folders and files for what they are not", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;

  assert.deepEqual(
    {
      "a folder to write": tryOpen(guest, "folder", { rights: RIGHT.WRITE }),
      "a folder to cut": tryOpen(guest, "folder", { openFlags: TRUNCATE, rights: RIGHT.READ }),
      "a folder to create": tryOpen(guest, "folder", { openFlags: CREATE, rights: RIGHT.READ }),
      "a folder with a right that only files have": tryOpen(guest, "folder", { rights: RIGHT.ALLOCATE }),
      "a folder as such": tryOpen(guest, "folder", { openFlags: DIRECTORY, rights: RIGHT.READDIR }),
      "a folder with a slash": tryOpen(guest, "folder/", { rights: RIGHT.READDIR }),
      "a file as a folder": tryOpen(guest, "file", { openFlags: DIRECTORY, rights: RIGHT.READ }),
      "a file with a slash": tryOpen(guest, "file/", { rights: RIGHT.READ }),
      "a file on the way": tryOpen(guest, "file/x", { rights: RIGHT.READ }),
      "a file created with a slash": tryOpen(guest, "new/", { openFlags: CREATE }),
      "what is not there": tryOpen(guest, "missing"),
    },
    {
      "a folder to write": Errno.ISDIR,
      "a folder to cut": Errno.ISDIR,
      "a folder to create": Errno.ISDIR,
      "a folder with a right that only files have": Errno.SUCCESS,
      "a folder as such": Errno.SUCCESS,
      "a folder with a slash": Errno.SUCCESS,
      "a file as a folder": Errno.NOTDIR,
      "a file with a slash": Errno.NOTDIR,
      "a file on the way": Errno.NOTDIR,
      "a file created with a slash": Errno.ISDIR,
      "what is not there": Errno.NOENT,
    },
  );
});

test("path_open() returns INVAL for flags that are unknown or exclude each other", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  for (const options of [
    { openFlags: 16 },
    { openFlags: -1 },
    { fdFlags: 32 },
    { fdFlags: -1 },
    { openFlags: CREATE | DIRECTORY },
  ]) {
    assert.equal(tryOpen(guest, "new", options), Errno.INVAL, JSON.stringify(options));
  }
  assert.equal(existsSync(path.join(volume.path, "new")), false);
});

test("path_open() returns MFILE beyond the limit, and opens again when one is closed", () => {
  using volume = createVolume(TREE, { limits: { openFiles: 3 } });
  const { guest } = volume;
  const [first = -1] = ["file", "link", "folder"].map((name) => guest.open(VOLUME, name, { rights: RIGHT.READ }));

  assert.equal(tryOpen(guest, "file"), Errno.MFILE);
  assert.equal(tryOpen(guest, "new", { openFlags: CREATE }), Errno.MFILE);
  assert.equal(existsSync(path.join(volume.path, "new")), false);
  assert.equal(guest.close(first), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "file"), Errno.SUCCESS);
  assert.equal(guest.call("fd_renumber", guest.open(VOLUME, "file"), 0), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "file"), Errno.MFILE);
});

test("path_open() returns the errno of a descriptor it cannot start from", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const closed = guest.open(VOLUME, "folder", { rights: ALL_RIGHTS & ~RIGHT.PATH_OPEN & ~RIGHT.WRITE });

  assert.deepEqual(
    [99, -1, file, 0, closed].map((fd) => -guest.open(fd, "inner")),
    [Errno.BADF, Errno.BADF, Errno.NOTDIR, Errno.NOTDIR, Errno.NOTCAPABLE],
  );
});

test("path_open() returns FAULT outside the memory and then opens nothing", () => {
  using volume = createVolume(TREE, { limits: { openFiles: 1 } });
  const { guest } = volume;
  const open = (result: number) =>
    guest.call("path_open", VOLUME, 0, ...guest.put("new"), CREATE, RIGHT.READ, 0n, 0, result);

  assert.equal(open(guest.end - 3), Errno.FAULT);
  assert.equal(open(-4), Errno.FAULT);
  assert.equal(existsSync(path.join(volume.path, "new")), false);
  assert.equal(open(guest.end - 4), Errno.SUCCESS);
});

test("path_open() takes paths of 4095 bytes and no more", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const [longest, longer] = [`${"./".repeat(2045)}/file`, `${"./".repeat(2046)}file`];

  assert.deepEqual([longest.length, tryOpen(guest, longest)], [4095, Errno.SUCCESS]);
  assert.deepEqual([longer.length, tryOpen(guest, longer)], [4096, Errno.NAMETOOLONG]);
});

test("path_open() opens what is there on a read-only volume, also with CREATE", () => {
  using volume = createVolume(TREE, { readOnly: true });
  const { guest } = volume;

  assert.equal(tryOpen(guest, "file", { openFlags: CREATE, rights: RIGHT.READ }), Errno.SUCCESS);
  assert.equal(tryOpen(guest, "file", { openFlags: CREATE | EXCLUSIVE, rights: RIGHT.READ }), Errno.EXIST);
  assert.equal(tryOpen(guest, "new", { openFlags: CREATE, rights: RIGHT.READ }), Errno.ROFS);
  assert.equal(tryOpen(guest, "missing/new", { openFlags: CREATE, rights: RIGHT.READ }), Errno.ROFS);
  assert.equal(tryOpen(guest, "file", { rights: ALL_RIGHTS & ~RIGHT.WRITE }), Errno.SUCCESS);
});

test("path_open() to read and look stays in the fast lane", () => {
  using volume = createVolume(TREE, { mode: "fast" });
  const { guest } = volume;
  const fd = guest.open(VOLUME, "file");

  assert.equal(guest.read(fd), "content");
  assert.ok(typeof guest.stat(VOLUME, "file") !== "number");
  assert.equal(guest.readlink(VOLUME, "link"), "file");
});

if (process.getuid?.() !== 0) {
  test("path_open() returns ACCES where the host may not", () => {
    using volume = createVolume(TREE);
    chmodSync(path.join(volume.path, "file"), 0);
    assert.equal(tryOpen(volume.guest, "file"), Errno.ACCES);
  });
}
