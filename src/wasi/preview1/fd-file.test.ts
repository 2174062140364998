import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ALL_RIGHTS } from "../testing/files.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const RESULT = 0;
const SECOND = 1_000_000_000n;
const TIMES = { ACCESSED: 1, ACCESSED_NOW: 2, MODIFIED: 4, MODIFIED_NOW: 8 } as const;

test("fd_filestat_get() tells what the system knows, times to the nanosecond", () => {
  using volume = createVolume({ file: "12345", "folder/": "" });
  const { guest } = volume;
  for (const [name, type] of [
    ["file", 4],
    ["folder", 3],
  ] as const) {
    const known = statSync(path.join(volume.path, name), { bigint: true });

    const stat = guest.fdStat(guest.open(VOLUME, name, { rights: ALL_RIGHTS & ~64n }));

    assert.ok(typeof stat !== "number");
    const { device: _, ...rest } = stat;
    assert.deepEqual(rest, {
      inode: known.ino,
      type,
      links: known.nlink,
      size: known.size,
      accessedNs: known.atimeNs,
      modifiedNs: known.mtimeNs,
      changedNs: known.ctimeNs,
    });
  }
});

test("fd_filestat_get() and path_filestat_get() of wasi_unstable lay the count of links in 32 bits", () => {
  using volume = createVolume({ file: "12345" }, { module: "wasi_unstable" });
  const { guest } = volume;
  const known = statSync(path.join(volume.path, "file"), { bigint: true });
  guest.bytes.fill(0xff, 0, 64);
  const file = guest.open(VOLUME, "file");
  for (const call of [
    () => guest.call("fd_filestat_get", file, RESULT),
    () => guest.call("path_filestat_get", VOLUME, 1, ...guest.put("file"), RESULT),
  ]) {
    guest.bytes.fill(0xff, 0, 64);

    assert.equal(call(), Errno.SUCCESS);

    const { view } = guest;
    assert.equal(view.getBigUint64(8, true), known.ino);
    assert.equal(view.getUint8(16), 4);
    assert.equal(view.getUint32(20, true), 1);
    assert.equal(view.getBigUint64(24, true), 5n);
    assert.equal(view.getBigUint64(40, true), known.mtimeNs);
    assert.equal(view.getBigUint64(48, true), known.ctimeNs);
    assert.equal(view.getBigUint64(56, true), 2n ** 64n - 1n, "untouched");
  }
  assert.equal(guest.call("fd_filestat_get", file, guest.end - 56), Errno.SUCCESS);
  assert.equal(guest.call("fd_filestat_get", file, guest.end - 55), Errno.FAULT);
});

test("fd_filestat_get() tells nothing of a stream", () => {
  using volume = createVolume({});
  const { guest } = volume;
  for (const fd of [0, 1, 2]) {
    assert.deepEqual(guest.fdStat(fd), {
      device: 0n,
      inode: 0n,
      type: 0,
      links: 0n,
      size: 0n,
      accessedNs: 0n,
      modifiedNs: 0n,
      changedNs: 0n,
    });
  }
});

test("fd_filestat_set_size() cuts and grows", () => {
  using volume = createVolume({ file: "0123456789" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");

  assert.equal(guest.call("fd_filestat_set_size", file, 4n), Errno.SUCCESS);
  assert.equal(volume.content("file"), "0123");
  assert.equal(guest.call("fd_filestat_set_size", file, 6n), Errno.SUCCESS);
  assert.equal(volume.content("file"), "0123\0\0");
  assert.equal(guest.call("fd_filestat_set_size", file, -1n), Errno.INVAL);
  assert.equal(guest.call("fd_filestat_set_size", file, 2n ** 62n), Errno.FBIG);
});

test("fd_filestat_set_times() sets each time, leaves the others and takes now", () => {
  using volume = createVolume({ file: "", "folder/": "" });
  const { guest } = volume;
  for (const name of ["file", "folder"]) {
    const fd = guest.open(VOLUME, name, { rights: ALL_RIGHTS & ~64n });
    const set = (accessed: bigint, modified: bigint, flags: number) => {
      assert.equal(guest.call("fd_filestat_set_times", fd, accessed, modified, flags), Errno.SUCCESS);
      const { atimeNs, mtimeNs } = statSync(path.join(volume.path, name), { bigint: true });
      return [atimeNs, mtimeNs];
    };

    assert.deepEqual(set(1n, 2n * SECOND + 3n, TIMES.ACCESSED | TIMES.MODIFIED), [1n, 2n * SECOND + 3n]);
    assert.deepEqual(set(7n, 99n, TIMES.ACCESSED), [7n, 2n * SECOND + 3n]);
    assert.deepEqual(set(99n, 8n, TIMES.MODIFIED), [7n, 8n]);
    assert.deepEqual(set(99n, 99n, 0), [7n, 8n]);
    const [accessed = 0n, modified = 0n] = set(0n, 0n, TIMES.ACCESSED_NOW);
    assert.ok(accessed > SECOND);
    assert.equal(modified, 8n);
    assert.ok((set(0n, 0n, TIMES.MODIFIED_NOW)[1] ?? 0n) > SECOND);
  }
});

test("fd_filestat_set_times() returns INVAL for flags that are unknown or exclude each other", () => {
  using volume = createVolume({ file: "" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  for (const flags of [3, 12, 15, 7, 16, -1]) {
    assert.equal(guest.call("fd_filestat_set_times", file, 0n, 0n, flags), Errno.INVAL, `${flags}`);
  }
});

test("fd_advise() takes every advice for a file and refuses what is none", () => {
  using volume = createVolume({ file: "x" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const advise = (fd: number, offset: bigint, length: bigint, advice: number) =>
    guest.call("fd_advise", fd, offset, length, advice);

  for (let advice = 0; advice <= 5; advice++) assert.equal(advise(file, 0n, 0n, advice), Errno.SUCCESS);
  assert.equal(advise(file, 0n, 0n, 6), Errno.INVAL);
  assert.equal(advise(file, 0n, 0n, -1), Errno.INVAL);
  assert.equal(advise(file, -1n, 0n, 0), Errno.INVAL);
  assert.equal(advise(file, 0n, -1n, 0), Errno.INVAL);
  assert.equal(advise(VOLUME, 0n, 0n, 0), Errno.BADF);
  assert.equal(advise(1, 0n, 0n, 0), Errno.SPIPE);
  assert.equal(advise(99, 0n, 0n, 0), Errno.BADF);
});

test("fd_allocate() never succeeds", () => {
  using volume = createVolume({ file: "x" });
  const { guest } = volume;
  const allocate = (fd: number, length: bigint) => guest.call("fd_allocate", fd, 0n, length);
  const file = guest.open(VOLUME, "file");

  assert.deepEqual(
    [allocate(file, 1n), allocate(file, 0n), allocate(VOLUME, 1n), allocate(99, 1n)],
    [Errno.NOTSUP, Errno.INVAL, Errno.BADF, Errno.BADF],
  );
});

test("fd_sync() and fd_datasync() work for files, folders and streams", () => {
  using volume = createVolume({ file: "x" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  for (const name of ["fd_sync", "fd_datasync"]) {
    for (const fd of [file, VOLUME, 1]) assert.equal(guest.call(name, fd), Errno.SUCCESS, `${name} ${fd}`);
    assert.equal(guest.call(name, 99), Errno.BADF);
  }
});

test("functions on what is open return NOTCAPABLE without their right, BADF for nothing, SPIPE for streams", () => {
  using volume = createVolume({ file: "x" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file", { rights: 2n });
  const calls = {
    fd_filestat_get: (fd: number) => guest.call("fd_filestat_get", fd, RESULT),
    fd_filestat_set_size: (fd: number) => guest.call("fd_filestat_set_size", fd, 0n),
    fd_filestat_set_times: (fd: number) => guest.call("fd_filestat_set_times", fd, 0n, 0n, 0),
    fd_advise: (fd: number) => guest.call("fd_advise", fd, 0n, 0n, 0),
    fd_sync: (fd: number) => guest.call("fd_sync", fd),
    fd_datasync: (fd: number) => guest.call("fd_datasync", fd),
  };
  for (const [name, call] of Object.entries(calls)) {
    assert.equal(call(file), Errno.NOTCAPABLE, name);
    assert.equal(call(99), Errno.BADF, name);
  }
  assert.equal(calls.fd_filestat_set_size(1), Errno.SPIPE);
  assert.equal(calls.fd_filestat_set_times(1), Errno.SPIPE);
  assert.equal(calls.fd_filestat_set_size(VOLUME), Errno.BADF);
});
