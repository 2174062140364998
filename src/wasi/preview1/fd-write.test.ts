import assert from "node:assert/strict";
import { test } from "node:test";
import { SinkFull } from "../process.ts";
import { OpenFlag } from "../testing/files.ts";
import { TestGuest } from "../testing/guest.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const SIZE = 0;
const APPEND = 1;

function sizeOf(guest: TestGuest): number {
  return guest.view.getUint32(SIZE, true);
}

test("fd_write() writes buffers one after another at the position", () => {
  using volume = createVolume({ file: "0123456789" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  assert.equal(guest.read(file, 2), "01");

  const buffers = guest.iovecs(guest.put("ab"), guest.put(""), guest.put("cd"));
  assert.equal(guest.call("fd_write", file, ...buffers, SIZE), Errno.SUCCESS);

  assert.equal(sizeOf(guest), 4);
  assert.equal(volume.content("file"), "01abcd6789");
});

test("fd_pwrite() writes anywhere and leaves the position", () => {
  using volume = createVolume({ file: "0123456789" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const pwrite = (offset: bigint) =>
    guest.call("fd_pwrite", file, ...guest.iovecs(guest.put("ab"), guest.put("c")), offset, SIZE);

  assert.equal(pwrite(2n), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 3);
  assert.equal(pwrite(12n), Errno.SUCCESS);
  assert.equal(pwrite(-1n), Errno.INVAL);
  assert.equal(pwrite(2n ** 62n), Errno.FBIG);
  assert.equal(guest.read(file, 5), "01abc");
  assert.equal(volume.content("file"), "01abc56789\0\0abc");
});

test("writes to a file that appends go to its end, whatever the position", () => {
  using volume = createVolume({ file: "0123" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file", { fdFlags: APPEND });

  assert.equal(guest.write(file, "ab"), 2);
  assert.equal(guest.call("fd_pwrite", file, ...guest.iovecs(guest.put("cd")), 0n, SIZE), Errno.SUCCESS);
  assert.equal(guest.call("fd_fdstat_set_flags", file, 0), Errno.SUCCESS);
  assert.equal(guest.call("fd_seek", file, 0n, 0, SIZE), Errno.SUCCESS);
  assert.equal(guest.write(file, "x"), 1);
  assert.equal(guest.call("fd_fdstat_set_flags", file, APPEND), Errno.SUCCESS);
  assert.equal(guest.write(file, "e"), 1);

  assert.equal(volume.content("file"), "x123abcde");
});

test("fd_write() moves no more than one call may, to files and streams", () => {
  using volume = createVolume({ file: "" }, { limits: { ioBytes: 5 } });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  for (const fd of [file, 1]) {
    const buffers = guest.iovecs(guest.put("abc"), guest.put("def"), guest.put("ghi"));
    assert.equal(guest.call("fd_write", fd, ...buffers, SIZE), Errno.SUCCESS);
    assert.equal(sizeOf(guest), 5);
  }

  assert.equal(volume.content("file"), "abcde");
  assert.equal(Buffer.concat(guest.output).toString(), "abcde");
});

test("fd_write() to a stream whose limit is reached ends the run", () => {
  const stdout = {
    write: () => {
      throw new SinkFull(10);
    },
  };
  using guest = new TestGuest({ stdout });
  assert.throws(() => guest.call("fd_write", 1, ...guest.iovecs(guest.put("x")), SIZE), {
    message: "Output exceeds its limit of 10 bytes",
  });
  assert.equal(guest.call("fd_write", 2, ...guest.iovecs(guest.put("x")), SIZE), Errno.SUCCESS);
});

test("fd_write() and fd_pwrite() return the errno of what they cannot write", () => {
  using volume = createVolume({ file: "" });
  const { guest } = volume;
  const readOnly = guest.open(VOLUME, "file", { rights: 2n | 4n });
  const noSeek = guest.open(VOLUME, "file", { rights: 64n });
  const [list, count] = guest.iovecs(guest.put("x"));
  const write = (fd: number) => guest.call("fd_write", fd, list, count, SIZE);
  const pwrite = (fd: number) => guest.call("fd_pwrite", fd, list, count, 0n, SIZE);

  assert.deepEqual(
    {
      "nothing open": [write(99), pwrite(99)],
      "a folder": [write(VOLUME), pwrite(VOLUME)],
      "standard input": [write(0), pwrite(0)],
      "standard output": [write(1), pwrite(1)],
      "no right to write": [write(readOnly), pwrite(readOnly)],
      "no right to seek": [write(noSeek), pwrite(noSeek)],
    },
    {
      "nothing open": [Errno.BADF, Errno.BADF],
      "a folder": [Errno.BADF, Errno.BADF],
      "standard input": [Errno.BADF, Errno.SPIPE],
      "standard output": [Errno.SUCCESS, Errno.SPIPE],
      "no right to write": [Errno.NOTCAPABLE, Errno.NOTCAPABLE],
      "no right to seek": [Errno.SUCCESS, Errno.NOTCAPABLE],
    },
  );
  const file = guest.open(VOLUME, "file");
  assert.equal(guest.call("fd_pwrite", file, list, count, 0n, guest.end - 3), Errno.FAULT);
  assert.equal(guest.call("fd_pwrite", file, guest.end, 1, 0n, SIZE), Errno.FAULT);
});

test("writes to files leave the fast lane before a byte is written; writes to streams do not", () => {
  using volume = createVolume({ file: "before" }, { mode: "fast" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const effect = { name: "WouldBlock", reason: "effect" };

  assert.throws(() => guest.write(file, "x"), effect);
  assert.throws(() => guest.call("fd_pwrite", file, ...guest.iovecs(guest.put("x")), 0n, SIZE), effect);
  assert.throws(() => guest.call("fd_filestat_set_size", file, 0n), effect);
  assert.throws(() => guest.call("fd_filestat_set_times", file, 0n, 1n, 4), effect);
  assert.throws(() => guest.open(VOLUME, "file", { openFlags: OpenFlag.TRUNCATE }), effect);
  assert.equal(guest.write(1, "x"), 1);
  assert.equal(guest.read(file), "before");
  assert.equal(volume.content("file"), "before");
});
