import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_RIGHTS } from "../testing/files.ts";
import { TestGuest } from "../testing/guest.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";
import { DIRECTORY_RIGHTS, FILE_RIGHTS, STREAM_RIGHTS } from "./rights.ts";

const RESULT = 0;
const FLAG = { APPEND: 1, DSYNC: 2, NONBLOCK: 4, RSYNC: 8, SYNC: 16 } as const;

function fdstat(guest: TestGuest, fd: number) {
  guest.bytes.fill(0xff, RESULT, RESULT + 32);
  assert.equal(guest.call("fd_fdstat_get", fd, RESULT), Errno.SUCCESS);
  const { view } = guest;
  assert.equal(view.getUint8(RESULT + 24), 0xff, "untouched");
  return {
    type: view.getUint8(RESULT),
    flags: view.getUint16(RESULT + 2, true),
    rights: Number(view.getBigUint64(RESULT + 8, true)),
    inheriting: Number(view.getBigUint64(RESULT + 16, true)),
  };
}

test("fd_fdstat_get() tells what streams, folders and files are and may do", () => {
  using volume = createVolume({ file: "", "folder/": "" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file", { fdFlags: FLAG.APPEND | FLAG.NONBLOCK });
  const folder = guest.open(VOLUME, "folder", { rights: ALL_RIGHTS & ~64n, inheriting: 2n });
  const everything = DIRECTORY_RIGHTS | FILE_RIGHTS;

  for (const fd of [0, 1, 2]) {
    assert.deepEqual(fdstat(guest, fd), { type: 0, flags: 0, rights: STREAM_RIGHTS, inheriting: 0 });
  }
  assert.deepEqual(fdstat(guest, VOLUME), { type: 3, flags: 0, rights: DIRECTORY_RIGHTS, inheriting: everything });
  assert.deepEqual(fdstat(guest, folder), { type: 3, flags: 0, rights: DIRECTORY_RIGHTS, inheriting: 2 });
  assert.deepEqual(fdstat(guest, file), { type: 4, flags: 5, rights: FILE_RIGHTS, inheriting: 0 });
});

test("fd_fdstat_set_rights() gives rights up and never takes any", () => {
  using volume = createVolume({ file: "content" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file", { rights: 2n | 4n });
  const set = (rights: bigint, inheriting = 0n) => guest.call("fd_fdstat_set_rights", file, rights, inheriting);

  assert.equal(set(2n | 64n), Errno.NOTCAPABLE);
  assert.equal(set(2n, 1n), Errno.NOTCAPABLE);
  assert.equal(set(2n | (1n << 63n)), Errno.NOTCAPABLE);
  assert.equal(set(-1n), Errno.NOTCAPABLE);
  assert.equal(set(2n), Errno.SUCCESS);
  assert.equal(set(2n | 4n), Errno.NOTCAPABLE);
  assert.equal(guest.read(file), "content");
  assert.equal(set(0n), Errno.SUCCESS);
  assert.equal(guest.read(file), -Errno.NOTCAPABLE);
});

test("rights given up by a folder are gone for everything opened through it", () => {
  using volume = createVolume({ "folder/file": "content" });
  const { guest } = volume;
  const folder = guest.open(VOLUME, "folder", { rights: (2n ** 13n) | (2n ** 14n), inheriting: 2n });

  assert.equal(guest.createDirectory(folder, "new"), Errno.NOTCAPABLE);
  assert.equal(guest.unlink(folder, "file"), Errno.NOTCAPABLE);
  assert.equal(guest.stat(folder, "file"), Errno.NOTCAPABLE);
  assert.equal(guest.open(folder, "new", { openFlags: 1 }), -Errno.NOTCAPABLE);
  assert.equal(guest.open(folder, "file", { openFlags: 8 }), -Errno.NOTCAPABLE);
  const file = guest.open(folder, "file");
  assert.deepEqual(fdstat(guest, file), { type: 4, flags: 0, rights: 2, inheriting: 0 });
  assert.equal(guest.read(file), "content");
  assert.equal(guest.write(file, "x"), -Errno.NOTCAPABLE);
});

test("fd_fdstat_set_flags() changes APPEND and NONBLOCK and no other", () => {
  using volume = createVolume({ file: "" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file", { fdFlags: FLAG.SYNC });
  const set = (fd: number, flags: number) => guest.call("fd_fdstat_set_flags", fd, flags);

  assert.equal(set(file, FLAG.SYNC | FLAG.APPEND | FLAG.NONBLOCK), Errno.SUCCESS);
  assert.equal(fdstat(guest, file).flags, 21);
  assert.equal(set(file, FLAG.SYNC), Errno.SUCCESS);
  assert.equal(set(file, 0), Errno.NOTSUP);
  assert.equal(set(file, FLAG.SYNC | FLAG.DSYNC), Errno.NOTSUP);
  assert.equal(set(file, 32), Errno.INVAL);
  assert.equal(set(file, -1), Errno.INVAL);
  assert.equal(set(1, FLAG.NONBLOCK), Errno.SUCCESS);
  assert.equal(set(99, 0), Errno.BADF);
  assert.equal(set(guest.open(VOLUME, "file", { rights: 2n }), 0), Errno.NOTCAPABLE);
});

test("fd_renumber() moves a descriptor over another", () => {
  using volume = createVolume({ a: "a", b: "b" });
  const { guest } = volume;
  const [a, b] = ["a", "b"].map((name) => guest.open(VOLUME, name)) as [number, number];

  assert.equal(guest.call("fd_renumber", a, a), Errno.SUCCESS);
  assert.equal(guest.call("fd_renumber", a, b), Errno.SUCCESS);
  assert.equal(guest.read(b), "a");
  assert.equal(guest.close(a), Errno.BADF);
  assert.equal(guest.call("fd_renumber", a, b), Errno.BADF);
  assert.equal(guest.call("fd_renumber", b, a), Errno.BADF);
  assert.equal(guest.call("fd_renumber", b, 99), Errno.BADF);
  assert.equal(guest.read(b), "");
});

test("closed numbers are given again, the lowest first", () => {
  using volume = createVolume({ a: "" });
  const { guest } = volume;
  assert.deepEqual(
    [1, 2, 3].map(() => guest.open(VOLUME, "a")),
    [4, 5, 6],
  );
  for (const fd of [5, 0, 4]) assert.equal(guest.close(fd), Errno.SUCCESS);

  assert.deepEqual(
    [1, 2, 3, 4].map(() => guest.open(VOLUME, "a")),
    [0, 4, 5, 7],
  );
});

test("fd_prestat_get() and fd_prestat_dir_name() tell the preopens in order, and nothing of what was opened", () => {
  using volume = createVolume({ "folder/": "" });
  const { guest } = volume;
  const { end } = guest;
  const folder = guest.open(VOLUME, "folder", { rights: 2n ** 14n });
  const prestat = (fd: number, pointer = RESULT) => guest.call("fd_prestat_get", fd, pointer);
  const name = (fd: number, pointer: number, length: number) => guest.call("fd_prestat_dir_name", fd, pointer, length);

  assert.equal(prestat(VOLUME), Errno.SUCCESS);
  assert.deepEqual([guest.view.getUint32(0, true), guest.view.getUint32(4, true)], [0, 5]);
  assert.equal(name(VOLUME, 100, 5), Errno.SUCCESS);
  assert.equal(guest.bytes.toString("utf8", 100, 106), "/data\0");
  assert.equal(name(VOLUME, 100, 4), Errno.NAMETOOLONG);
  assert.equal(name(VOLUME, end - 5, 100), Errno.SUCCESS);
  assert.equal(name(VOLUME, end - 4, 5), Errno.FAULT);
  assert.equal(prestat(VOLUME, end - 8), Errno.SUCCESS);
  assert.equal(prestat(VOLUME, end - 7), Errno.FAULT);
  for (const fd of [0, 1, 2, folder, 99, -1]) {
    assert.deepEqual([prestat(fd), name(fd, 100, 100)], [Errno.BADF, Errno.BADF], `${fd}`);
  }
});

test("functions on descriptors return BADF for what is not open and FAULT outside the memory", () => {
  using guest = new TestGuest();
  assert.equal(guest.call("fd_close", 3), Errno.BADF);
  assert.equal(guest.call("fd_close", -1), Errno.BADF);
  assert.equal(guest.call("fd_fdstat_get", 3, RESULT), Errno.BADF);
  assert.equal(guest.call("fd_fdstat_set_rights", 3, 0n, 0n), Errno.BADF);
  assert.equal(guest.call("fd_fdstat_get", 0, guest.end - 24), Errno.SUCCESS);
  assert.equal(guest.call("fd_fdstat_get", 0, guest.end - 23), Errno.FAULT);
});
