import assert from "node:assert/strict";
import { closeSync, constants, existsSync, lstatSync, mkdtempSync, openSync, rmdirSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { FileGuest } from "../testing/files.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const TREE = {
  file: "content",
  other: "other",
  "folder/inner": "inner",
  "empty/": "",
  link: { link: "file" },
  "folder-link": { link: "empty" },
} as const;

/** Errno for each pair of paths, all on a volume as it was. */
function outcomes(
  run: (guest: FileGuest, from: string, to: string) => number,
  pairs: readonly (readonly [string, string])[],
) {
  return Object.fromEntries(
    pairs.map(([from, to]) => {
      using volume = createVolume(TREE);
      return [`${from} to ${to}`, run(volume.guest, from, to)];
    }),
  );
}

test("path_link() gives a file one more name", () => {
  using volume = createVolume(TREE);

  assert.equal(volume.guest.link(VOLUME, "file", VOLUME, "folder/new"), Errno.SUCCESS);

  const [file, linked] = ["file", "folder/new"].map((name) => statSync(path.join(volume.path, name)));
  assert.equal(linked?.ino, file?.ino);
  assert.equal(file?.nlink, 2);
});

test("path_link() of a symlink links the symlink, and never follows it", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;

  assert.equal(guest.link(VOLUME, "link", VOLUME, "new"), Errno.SUCCESS);
  assert.equal(guest.link(VOLUME, "link", VOLUME, "followed", { follow: true }), Errno.INVAL);

  assert.ok(lstatSync(path.join(volume.path, "new")).isSymbolicLink());
  assert.equal(existsSync(path.join(volume.path, "followed")), false);
});

test("path_link() returns the errno of what cannot be linked", () => {
  const linked = outcomes(
    (guest, from, to) => guest.link(VOLUME, from, VOLUME, to),
    [
      ["missing", "new"],
      ["file", "other"],
      ["file", "file"],
      ["file", "missing/new"],
      ["file", "new/"],
      ["file", "folder"],
      ["file", "."],
      ["file/", "new"],
      ["folder", "new"],
      ["folder/", "new"],
      [".", "new"],
      ["folder/..", "new"],
    ],
  );
  assert.deepEqual(linked, {
    "missing to new": Errno.NOENT,
    "file to other": Errno.EXIST,
    "file to file": Errno.EXIST,
    "file to missing/new": Errno.NOENT,
    "file to new/": Errno.NOENT,
    "file to folder": Errno.EXIST,
    "file to .": Errno.EXIST,
    "file/ to new": Errno.NOTDIR,
    "folder to new": Errno.PERM,
    "folder/ to new": Errno.PERM,
    ". to new": Errno.PERM,
    "folder/.. to new": Errno.PERM,
  });
});

test("path_rename() moves files, symlinks and folders, over others of their kind", () => {
  const renamed = outcomes(
    (guest, from, to) => guest.rename(VOLUME, from, VOLUME, to),
    [
      ["file", "new"],
      ["file", "other"],
      ["file", "file"],
      ["file", "link"],
      ["link", "file"],
      ["folder", "new"],
      ["folder/", "new/"],
      ["folder", "empty"],
      ["folder/inner", "inner"],
    ],
  );
  assert.deepEqual(new Set(Object.values(renamed)), new Set([Errno.SUCCESS]), JSON.stringify(renamed));
});

test("path_rename() over a symlink replaces the symlink, not its target", () => {
  using volume = createVolume(TREE);

  assert.equal(volume.guest.rename(VOLUME, "other", VOLUME, "link"), Errno.SUCCESS);

  assert.deepEqual([volume.content("link"), volume.content("file")], ["other", "content"]);
  assert.ok(lstatSync(path.join(volume.path, "link")).isFile());
});

test("path_rename() returns the errno of what cannot be moved", () => {
  const renamed = outcomes(
    (guest, from, to) => guest.rename(VOLUME, from, VOLUME, to),
    [
      ["missing", "new"],
      ["file", "missing/new"],
      ["file", "folder"],
      ["folder", "file"],
      ["empty", "folder"],
      ["folder", "folder/deeper"],
      ["file/", "new"],
      ["file", "new/"],
      ["folder", "folder-link"],
      ["folder", "folder-link/"],
      ["folder-link/", "new"],
      [".", "new"],
      ["file", "."],
      ["folder/..", "new"],
      ["folder", "empty/.."],
    ],
  );
  assert.deepEqual(renamed, {
    "missing to new": Errno.NOENT,
    "file to missing/new": Errno.NOENT,
    "file to folder": Errno.ISDIR,
    "folder to file": Errno.NOTDIR,
    "empty to folder": Errno.NOTEMPTY,
    "folder to folder/deeper": Errno.INVAL,
    "file/ to new": Errno.NOTDIR,
    "file to new/": Errno.NOTDIR,
    "folder to folder-link": Errno.NOTDIR,
    "folder to folder-link/": Errno.NOTDIR,
    "folder-link/ to new": Errno.NOTDIR,
    ". to new": Errno.BUSY,
    "file to .": Errno.BUSY,
    "folder/.. to new": Errno.BUSY,
    "folder to empty/..": Errno.BUSY,
  });
});

test("path_link() and path_rename() between two file systems return XDEV", (context) => {
  using volume = createVolume(TREE);
  const elsewhere = "/dev/shm";
  if (!existsSync(elsewhere) || statSync(elsewhere).dev === statSync(volume.path).dev) {
    context.skip("this machine has no second file system to try it with");
    return;
  }
  const folder = mkdtempSync(path.join(elsewhere, "wasipool-link-"));
  const fds = [volume.path, folder].map((name) => openSync(name, constants.O_RDONLY)) as [number, number];
  try {
    using guest = new FileGuest({ preopens: fds.map((fd) => ({ guestPath: "/", fd, readOnly: false })) });

    assert.equal(guest.link(3, "file", 4, "new"), Errno.XDEV);
    assert.equal(guest.rename(3, "file", 4, "new"), Errno.XDEV);
    assert.equal(guest.rename(3, "../file", 4, "new"), Errno.PERM);
  } finally {
    for (const fd of fds) closeSync(fd);
    rmdirSync(folder);
  }
});

test("path_readlink() tells the target, cut to the buffer", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;

  assert.equal(guest.readlink(VOLUME, "link", 100), "file");
  assert.equal(guest.readlink(VOLUME, "link", 4), "file");
  assert.equal(guest.readlink(VOLUME, "link", 2), "fi");
  assert.equal(guest.readlink(VOLUME, "link", 0), "");
});

test("path_readlink() returns the errno of what is no symlink", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const powerless = guest.open(VOLUME, ".", { rights: 0n });

  assert.deepEqual(
    ["file", "folder", ".", "folder/..", "link/", "missing", "file/x"].map((name) => guest.readlink(VOLUME, name)),
    [Errno.INVAL, Errno.INVAL, Errno.INVAL, Errno.INVAL, Errno.INVAL, Errno.NOENT, Errno.NOTDIR],
  );
  assert.equal(guest.readlink(VOLUME, "file", 0), Errno.INVAL);
  assert.deepEqual(
    [99, file, powerless].map((fd) => guest.readlink(fd, "link")),
    [Errno.BADF, Errno.NOTDIR, Errno.NOTCAPABLE],
  );
});

test("path_readlink() returns FAULT outside the memory", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const call = (buffer: number, length: number, size: number) =>
    guest.call("path_readlink", VOLUME, ...guest.put("link"), buffer, length, size);

  assert.equal(call(guest.end - 4, 4, 0), Errno.SUCCESS);
  assert.equal(call(guest.end - 3, 4, 0), Errno.FAULT);
  assert.equal(call(0, 4, guest.end - 4), Errno.SUCCESS);
  assert.equal(call(0, 4, guest.end - 3), Errno.FAULT);
});
