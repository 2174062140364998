import assert from "node:assert/strict";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { ALL_RIGHTS, type Entry, type FileGuest } from "../testing/files.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const READDIR = 2n ** 14n;
const HEADER = 24;

function listed(guest: FileGuest, fd: number, options: { length?: number; cookie?: bigint } = {}): readonly Entry[] {
  const entries = guest.list(fd, options);
  assert.ok(typeof entries !== "number");
  return entries;
}

test("fd_readdir() tells names, types and inodes", () => {
  using volume = createVolume({ file: "x", "folder/": "", link: { link: "file" } });
  const { guest } = volume;
  const inode = (name: string) => statSync(path.join(volume.path, name), { bigint: true }).ino;

  const entries = listed(guest, VOLUME).toSorted((a, b) => (a.name < b.name ? -1 : 1));

  assert.deepEqual(
    entries.map(({ name, type }) => [name, type]),
    [
      [".", 3],
      ["..", 3],
      ["file", 4],
      ["folder", 3],
      ["link", 7],
    ],
  );
  assert.deepEqual(
    entries.slice(0, 4).map((entry) => entry.inode),
    [inode("."), inode("."), inode("file"), inode("folder")],
  );
});

for (const length of [HEADER + 10, 100, 512, 5000]) {
  test(`fd_readdir() pages through 600 files in ${length} bytes at a time, each name once`, () => {
    using volume = createVolume({ "many/": "" });
    const { guest } = volume;
    const names = Array.from({ length: 600 }, (_, index) => `file-${index}`);
    for (const name of names) writeFileSync(path.join(volume.path, "many", name), "");
    const folder = guest.open(VOLUME, "many", { rights: READDIR });

    const seen: string[] = [];
    for (let cookie = 0n; ;) {
      const page = listed(guest, folder, { length, cookie });
      const last = page.at(-1);
      if (!last) break;
      seen.push(...page.map(({ name }) => name));
      cookie = last.next;
    }

    assert.deepEqual(seen.toSorted(), [".", "..", ...names].toSorted());
  });
}

test("fd_readdir() cuts the last entry where the buffer ends, and a buffer that is not full is the end", () => {
  using volume = createVolume({ "a-rather-long-name": "" });
  const { guest } = volume;
  const whole = 3 * HEADER + 1 + 2 + "a-rather-long-name".length;
  const size = 0;
  for (let length = 0; length <= whole + 5; length++) {
    const buffer = guest.room(whole + 16);
    assert.equal(guest.call("fd_readdir", VOLUME, buffer, length, 0n, size), Errno.SUCCESS);
    assert.equal(guest.view.getUint32(size, true), Math.min(length, whole), `${length}`);
    assert.ok(guest.bytes.subarray(buffer + Math.min(length, whole), buffer + whole + 16).every((byte) => byte === 0));
  }
});

test("fd_readdir() sees what came and went when it starts anew", () => {
  using volume = createVolume({ old: "" });
  const { guest } = volume;
  assert.equal(listed(guest, VOLUME).length, 3);
  rmSync(path.join(volume.path, "old"));
  mkdirSync(path.join(volume.path, "new"));

  assert.deepEqual(
    listed(guest, VOLUME)
      .map(({ name }) => name)
      .toSorted(),
    [".", "..", "new"],
  );
});

test("two descriptors of one folder list it independently", () => {
  using volume = createVolume({ "folder/a": "", "folder/b": "", "folder/c": "" });
  const { guest } = volume;
  const [one, two] = [1, 2].map(() => guest.open(VOLUME, "folder", { rights: READDIR })) as [number, number];
  const [first] = listed(guest, one, { length: HEADER + 2 });
  assert.ok(first);

  assert.equal(listed(guest, two).length, 5);
  assert.equal(listed(guest, one, { cookie: first.next }).length, 4);
});

test("fd_readdir() past the end tells nothing, and refuses a cookie that cannot be", () => {
  using volume = createVolume({ file: "" });
  const { guest } = volume;
  const last = listed(guest, VOLUME).at(-1);
  assert.ok(last);

  assert.deepEqual(guest.list(VOLUME, { cookie: last.next }), []);
  assert.equal(guest.list(VOLUME, { cookie: -1n }), -Errno.INVAL);
});

test("fd_readdir() returns NOENT for a folder that was removed", () => {
  using volume = createVolume({ "folder/": "" });
  const { guest } = volume;
  const folder = guest.open(VOLUME, "folder", { rights: READDIR });
  assert.equal(guest.removeDirectory(VOLUME, "folder"), Errno.SUCCESS);

  assert.equal(guest.list(folder), -Errno.NOENT);
});

test("fd_readdir() returns the errno of what it cannot list", () => {
  using volume = createVolume({ file: "", "folder/": "" }, { limits: { ioBytes: 1000 } });
  const { guest } = volume;
  const { end } = guest;
  const file = guest.open(VOLUME, "file");
  const closed = guest.open(VOLUME, "folder", { rights: ALL_RIGHTS & ~READDIR & ~64n });
  const call = (fd: number, buffer = 100, length = 100, size = 0) =>
    guest.call("fd_readdir", fd, buffer, length, 0n, size);

  assert.deepEqual(
    {
      "nothing open": call(99),
      "a file": call(file),
      "a stream": call(0),
      "no right": call(closed),
      "as much as one call may move": call(VOLUME, 100, 1000),
      "more than one call may move": call(VOLUME, 100, 1001),
      "a buffer at the last bytes": call(VOLUME, end - 100),
      "a buffer one beyond": call(VOLUME, end - 99),
      "a size at the last bytes": call(VOLUME, 100, 100, end - 4),
      "a size one beyond": call(VOLUME, 100, 100, end - 3),
    },
    {
      "nothing open": Errno.BADF,
      "a file": Errno.NOTDIR,
      "a stream": Errno.NOTDIR,
      "no right": Errno.NOTCAPABLE,
      "as much as one call may move": Errno.SUCCESS,
      "more than one call may move": Errno.INVAL,
      "a buffer at the last bytes": Errno.SUCCESS,
      "a buffer one beyond": Errno.FAULT,
      "a size at the last bytes": Errno.SUCCESS,
      "a size one beyond": Errno.FAULT,
    },
  );
});
