import assert from "node:assert/strict";
import { existsSync, lstatSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ALL_RIGHTS, type FileGuest } from "../testing/files.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const TREE = {
  file: "content",
  "folder/inner": "inner",
  "empty/": "",
  link: { link: "file" },
  "folder-link": { link: "empty" },
  gone: { link: "nothing" },
} as const;

function words(text: string): readonly string[] {
  return text.split(" ");
}

type Outcomes = Readonly<Record<string, number>>;

/** Errno for each path, all on a volume as it was. */
function outcomes(run: (guest: FileGuest, name: string) => number, names: readonly string[]): Outcomes {
  return Object.fromEntries(
    names.map((name) => {
      using volume = createVolume(TREE);
      return [name, run(volume.guest, name)];
    }),
  );
}

test("path_create_directory() makes a folder", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;

  for (const name of ["new", "new/deeper", "slash/", "slashes///", "folder/../dots"]) {
    assert.equal(guest.createDirectory(VOLUME, name), Errno.SUCCESS, name);
    assert.ok(statSync(path.join(volume.path, name)).isDirectory());
  }
});

test("path_create_directory() returns the errno of what cannot be made", () => {
  const made = outcomes(
    (guest, name) => guest.createDirectory(VOLUME, name),
    words("file folder link folder-link gone . folder/.. folder/. missing/x file/x"),
  );
  assert.deepEqual(made, {
    file: Errno.EXIST,
    folder: Errno.EXIST,
    link: Errno.EXIST,
    "folder-link": Errno.EXIST,
    gone: Errno.EXIST,
    ".": Errno.EXIST,
    "folder/..": Errno.EXIST,
    "folder/.": Errno.EXIST,
    "missing/x": Errno.NOENT,
    "file/x": Errno.NOTDIR,
  });
});

test("path_remove_directory() removes an empty folder and nothing else", () => {
  const removed = outcomes(
    (guest, name) => guest.removeDirectory(VOLUME, name),
    words("empty empty/ folder file link folder-link missing . empty/. folder/.. empty/.."),
  );
  assert.deepEqual(removed, {
    empty: Errno.SUCCESS,
    "empty/": Errno.SUCCESS,
    folder: Errno.NOTEMPTY,
    file: Errno.NOTDIR,
    link: Errno.NOTDIR,
    "folder-link": Errno.NOTDIR,
    missing: Errno.NOENT,
    ".": Errno.INVAL,
    "empty/.": Errno.INVAL,
    "folder/..": Errno.BUSY,
    "empty/..": Errno.BUSY,
  });
});

test("path_unlink_file() removes a file or symlink and nothing else", () => {
  const removed = outcomes(
    (guest, name) => guest.unlink(VOLUME, name),
    words("file link gone folder-link folder folder/ file/ link/ folder-link/ missing missing/ . folder/.. file/x"),
  );
  assert.deepEqual(removed, {
    file: Errno.SUCCESS,
    link: Errno.SUCCESS,
    gone: Errno.SUCCESS,
    "folder-link": Errno.SUCCESS,
    folder: Errno.ISDIR,
    "folder/": Errno.ISDIR,
    "file/": Errno.NOTDIR,
    "link/": Errno.NOTDIR,
    "folder-link/": Errno.NOTDIR,
    missing: Errno.NOENT,
    "missing/": Errno.NOENT,
    ".": Errno.ISDIR,
    "folder/..": Errno.ISDIR,
    "file/x": Errno.NOTDIR,
  });
});

test("path_unlink_file() of a symlink leaves its target", () => {
  using volume = createVolume(TREE);

  assert.equal(volume.guest.unlink(VOLUME, "link"), Errno.SUCCESS);

  assert.equal(volume.content("file"), "content");
  assert.equal(existsSync(path.join(volume.path, "link")), false);
});

test("path_symlink() plants what it was given, whether it leads anywhere or not", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  for (const target of ["file", "nothing", "../..", "a/", "ü", "x".repeat(4095)]) {
    assert.equal(guest.symlink(target, VOLUME, "new"), Errno.SUCCESS, target);
    assert.equal(readlinkSync(path.join(volume.path, "new")), target);
    assert.equal(guest.readlink(VOLUME, "new"), target);
    assert.equal(guest.unlink(VOLUME, "new"), Errno.SUCCESS);
  }
});

test("path_symlink() returns the errno of what cannot be planted", () => {
  const planted = outcomes(
    (guest, name) => guest.symlink("file", VOLUME, name),
    words("file link folder folder/ file/ new/ . folder/.. missing/x file/x"),
  );
  assert.deepEqual(planted, {
    file: Errno.EXIST,
    link: Errno.EXIST,
    folder: Errno.EXIST,
    "folder/": Errno.EXIST,
    "file/": Errno.NOTDIR,
    "new/": Errno.NOENT,
    ".": Errno.EXIST,
    "folder/..": Errno.EXIST,
    "missing/x": Errno.NOENT,
    "file/x": Errno.NOTDIR,
  });
});

const CHANGES: Readonly<Record<string, (guest: FileGuest, fd: number) => number>> = {
  path_create_directory: (guest, fd) => guest.createDirectory(fd, "new"),
  path_remove_directory: (guest, fd) => guest.removeDirectory(fd, "empty"),
  path_unlink_file: (guest, fd) => guest.unlink(fd, "file"),
  path_symlink: (guest, fd) => guest.symlink("file", fd, "new"),
  path_link: (guest, fd) => guest.link(fd, "file", VOLUME, "new"),
  "path_link to": (guest, fd) => guest.link(VOLUME, "file", fd, "new"),
  path_rename: (guest, fd) => guest.rename(fd, "file", VOLUME, "new"),
  "path_rename to": (guest, fd) => guest.rename(VOLUME, "file", fd, "new"),
  path_filestat_set_times: (guest, fd) => guest.setTimes(fd, "file"),
};
for (const [name, change] of Object.entries(CHANGES)) {
  test(`${name}() returns BADF, NOTDIR or NOTCAPABLE for what it cannot start from`, () => {
    using volume = createVolume(TREE);
    const { guest } = volume;
    const file = guest.open(VOLUME, "file");
    const powerless = guest.open(VOLUME, ".", { rights: 0n });

    assert.deepEqual(
      [99, -1, file, 1, powerless].map((fd) => change(guest, fd)),
      [Errno.BADF, Errno.BADF, Errno.NOTDIR, Errno.NOTDIR, Errno.NOTCAPABLE],
    );
    assert.equal(change(guest, guest.open(VOLUME, ".", { rights: ALL_RIGHTS & ~64n })), Errno.SUCCESS);
  });

  test(`${name}() leaves the fast lane before it changes anything`, () => {
    using volume = createVolume(TREE, { mode: "fast" });
    const before = lstatSync(volume.path, { bigint: true });

    assert.throws(() => change(volume.guest, VOLUME), { name: "WouldBlock", reason: "effect" });

    const after = lstatSync(volume.path, { bigint: true });
    assert.deepEqual([after.mtimeNs, after.ctimeNs], [before.mtimeNs, before.ctimeNs]);
    assert.equal(volume.content("file"), "content");
  });
}
