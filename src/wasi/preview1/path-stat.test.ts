import assert from "node:assert/strict";
import { lstatSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const TREE = { file: "content", "folder/inner": "", link: { link: "file" }, gone: { link: "nothing" } } as const;
const TIMES = { ACCESSED: 1, ACCESSED_NOW: 2, MODIFIED: 4, MODIFIED_NOW: 8 } as const;

test("path_filestat_get() tells of files and folders, and of symlinks themselves when they are not followed", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  for (const [name, follow, real, type] of [
    ["file", true, "file", 4],
    ["folder", true, "folder", 3],
    [".", true, ".", 3],
    ["folder/../file", true, "file", 4],
    ["link", true, "file", 4],
    ["link", false, "link", 7],
    ["gone", false, "gone", 7],
    ["folder/", false, "folder", 3],
  ] as const) {
    const known = lstatSync(path.join(volume.path, real), { bigint: true });

    const stat = guest.stat(VOLUME, name, { follow });

    assert.ok(typeof stat !== "number", name);
    assert.deepEqual(
      [stat.inode, stat.type, stat.size, stat.modifiedNs, stat.links],
      [known.ino, type, known.size, known.mtimeNs, known.nlink],
      name,
    );
  }
});

test("path_filestat_get() returns the errno of what it cannot look at", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const powerless = guest.open(VOLUME, ".", { rights: 0n });

  assert.deepEqual(
    ["missing", "gone", "file/", "file/x", "link/"].map((name) => guest.stat(VOLUME, name)),
    [Errno.NOENT, Errno.NOENT, Errno.NOTDIR, Errno.NOTDIR, Errno.NOTDIR],
  );
  assert.deepEqual(
    [99, file, powerless].map((fd) => guest.stat(fd, "file")),
    [Errno.BADF, Errno.NOTDIR, Errno.NOTCAPABLE],
  );
});

test("path_filestat_get() returns FAULT outside the memory", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const call = (result: number) => guest.call("path_filestat_get", VOLUME, 0, ...guest.put("file"), result);

  assert.equal(call(guest.end - 64), Errno.SUCCESS);
  assert.equal(call(guest.end - 63), Errno.FAULT);
  assert.equal(call(-64), Errno.FAULT);
});

test("path_filestat_set_times() sets the target's times, or the symlink's own when it is not followed", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const modified = (name: string) => lstatSync(path.join(volume.path, name), { bigint: true }).mtimeNs;
  const link = modified("link");

  assert.equal(guest.setTimes(VOLUME, "link", { modifiedNs: 1_000_000_001n }), Errno.SUCCESS);
  assert.deepEqual([modified("file"), modified("link")], [1_000_000_001n, link]);
  assert.equal(guest.setTimes(VOLUME, "link", { follow: false, modifiedNs: 7n }), Errno.SUCCESS);
  assert.deepEqual([modified("file"), modified("link")], [1_000_000_001n, 7n]);
  assert.equal(guest.setTimes(VOLUME, "folder", { modifiedNs: 9n }), Errno.SUCCESS);
  assert.equal(modified("folder"), 9n);
});

test("path_filestat_set_times() leaves what is not asked for and takes now", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  const set = (flags: number) => {
    const errno = guest.call("path_filestat_set_times", VOLUME, 0, ...guest.put("file"), 5n, 6n, flags);
    assert.equal(errno, Errno.SUCCESS);
    const { atimeNs, mtimeNs } = lstatSync(path.join(volume.path, "file"), { bigint: true });
    return [atimeNs, mtimeNs];
  };

  assert.deepEqual(set(TIMES.ACCESSED | TIMES.MODIFIED), [5n, 6n]);
  assert.deepEqual(set(0), [5n, 6n]);
  const [accessed = 0n, modified = 0n] = set(TIMES.ACCESSED_NOW);
  assert.ok(accessed > 1_000_000_000n);
  assert.equal(modified, 6n);
  assert.ok((set(TIMES.MODIFIED_NOW)[1] ?? 0n) > 1_000_000_000n);
});

test("path_filestat_set_times() returns INVAL for flags that are unknown or exclude each other, NOENT for nothing", () => {
  using volume = createVolume(TREE);
  const { guest } = volume;
  for (const flags of [3, 12, 16, -1]) {
    const errno = guest.call("path_filestat_set_times", VOLUME, 0, ...guest.put("file"), 0n, 0n, flags);
    assert.equal(errno, Errno.INVAL, `${flags}`);
  }
  assert.equal(guest.setTimes(VOLUME, "missing"), Errno.NOENT);
  assert.equal(guest.setTimes(VOLUME, "gone"), Errno.NOENT);
});
