import assert from "node:assert/strict";
import { test } from "node:test";
import { TestGuest } from "../testing/guest.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const SIZE = 0;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/** Input in the given pieces, at most `max` bytes each time. */
function pieces(...texts: readonly string[]) {
  const rest = texts.map((text) => Buffer.from(text));
  return { read: () => rest.shift() ?? new Uint8Array(0) };
}

function sizeOf(guest: TestGuest): number {
  return guest.view.getUint32(SIZE, true);
}

test("fd_read() fills buffers one after another, and tells a short count at the end", () => {
  using volume = createVolume({ file: ALPHABET });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");

  assert.equal(guest.call("fd_read", file, ...guest.iovecs([100, 3], [300, 0], [200, 5]), SIZE), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 8);
  assert.equal(guest.bytes.toString("utf8", 100, 103) + guest.bytes.toString("utf8", 200, 205), "abcdefgh");
  assert.equal(guest.call("fd_read", file, ...guest.iovecs([100, 10], [200, 100]), SIZE), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 18);
  assert.equal(guest.call("fd_read", file, ...guest.iovecs([100, 10]), SIZE), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 0);
});

test("fd_pread() reads anywhere and leaves the position", () => {
  using volume = createVolume({ file: ALPHABET });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const pread = (offset: bigint) => guest.call("fd_pread", file, ...guest.iovecs([100, 2], [102, 2]), offset, SIZE);

  assert.equal(pread(10n), Errno.SUCCESS);
  assert.deepEqual([sizeOf(guest), guest.bytes.toString("utf8", 100, 104)], [4, "klmn"]);
  assert.equal(pread(25n), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 1);
  assert.equal(pread(2n ** 62n), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 0);
  assert.equal(pread(-1n), Errno.INVAL);
  assert.equal(guest.read(file, 3), "abc");
});

test("fd_read() moves no more than one call may", () => {
  using volume = createVolume({ file: ALPHABET }, { limits: { ioBytes: 10 } });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");

  assert.equal(guest.call("fd_read", file, ...guest.iovecs([100, 6], [200, 6], [300, 6]), SIZE), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 10);
  assert.equal(guest.bytes.toString("utf8", 200, 206), "ghij\0\0");
  assert.equal(guest.bytes[300], 0);
});

for (const name of ["fd_read", "fd_write"]) {
  test(`${name}() checks every buffer before it moves a byte`, () => {
    using volume = createVolume({ file: ALPHABET }, { limits: { iovecs: 4 } });
    const { guest } = volume;
    const { end } = guest;
    const file = guest.open(VOLUME, "file");
    const call = (list: number, count: number, size = SIZE) => guest.call(name, file, list, count, size);
    const one = (pointer: number, length: number) => call(...guest.iovecs([pointer, length]));
    const [good] = guest.iovecs([100, 1]);
    guest.view.setUint32(end - 8, 100, true);
    guest.view.setUint32(end - 4, 1, true);

    assert.deepEqual(
      {
        "the list at the last bytes": call(end - 8, 1),
        "the list one beyond": call(end - 7, 1),
        "a buffer at the last bytes": one(end - 8, 8),
        "a buffer one beyond": one(end - 7, 8),
        "a buffer of the highest length": one(100, 2 ** 32 - 1),
        "a buffer at the highest address": one(2 ** 32 - 1, 1),
        "an empty buffer at the end": one(end, 0),
        "an empty buffer beyond": one(end + 1, 0),
        "a bad buffer behind a good one": call(...guest.iovecs([100, 4], [end, 1])),
        "the list at the highest address": call(-8, 1),
        "no buffers": call(0, 0),
        "as many as allowed": call(...guest.iovecs([100, 1], [101, 1], [102, 1], [103, 1])),
        "one more than allowed": call(...guest.iovecs([1, 1], [2, 1], [3, 1], [4, 1], [5, 1])),
        "the highest count": call(good, -1),
        "the size at the last bytes": call(good, 1, end - 4),
        "the size one beyond": call(good, 1, end - 3),
      },
      {
        "a buffer at the last bytes": Errno.SUCCESS,
        "a buffer one beyond": Errno.FAULT,
        "a buffer of the highest length": Errno.FAULT,
        "a buffer at the highest address": Errno.FAULT,
        "an empty buffer at the end": Errno.SUCCESS,
        "an empty buffer beyond": Errno.FAULT,
        "a bad buffer behind a good one": Errno.FAULT,
        "the list at the last bytes": Errno.SUCCESS,
        "the list one beyond": Errno.FAULT,
        "the list at the highest address": Errno.FAULT,
        "no buffers": Errno.SUCCESS,
        "as many as allowed": Errno.SUCCESS,
        "one more than allowed": Errno.INVAL,
        "the highest count": Errno.INVAL,
        "the size at the last bytes": Errno.SUCCESS,
        "the size one beyond": Errno.FAULT,
      },
    );
  });
}

test("fd_read() over its own list of buffers stays inside the memory", () => {
  const evil = Buffer.alloc(16);
  evil.writeUInt32LE(0xffff_fff0, 0);
  evil.writeUInt32LE(0xffff_ffff, 4);
  using volume = createVolume({ file: evil.toString("latin1") });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");
  const list = 512;
  for (const [index, value] of [list + 8, 8, 100, 4].entries()) guest.view.setUint32(list + index * 4, value, true);

  const errno = guest.call("fd_read", file, list, 2, SIZE);

  assert.equal(errno, Errno.SUCCESS);
  assert.ok(sizeOf(guest) <= 16);
});

test("fd_read() and fd_pread() return the errno of what they cannot read", () => {
  using volume = createVolume({ file: ALPHABET });
  const { guest } = volume;
  const writeOnly = guest.open(VOLUME, "file", { rights: 64n });
  const readOnly = guest.open(VOLUME, "file", { rights: 2n });
  const [list, count] = guest.iovecs([100, 4]);
  const read = (fd: number) => guest.call("fd_read", fd, list, count, SIZE);
  const pread = (fd: number) => guest.call("fd_pread", fd, list, count, 0n, SIZE);

  assert.deepEqual(
    {
      "nothing open": [read(99), pread(99)],
      "a folder": [read(VOLUME), pread(VOLUME)],
      "standard input": [read(0), pread(0)],
      "standard output": [read(1), pread(1)],
      "no right to read": [read(writeOnly), pread(writeOnly)],
      "no right to seek": [read(readOnly), pread(readOnly)],
    },
    {
      "nothing open": [Errno.BADF, Errno.BADF],
      "a folder": [Errno.BADF, Errno.BADF],
      "standard input": [Errno.SUCCESS, Errno.SPIPE],
      "standard output": [Errno.BADF, Errno.SPIPE],
      "no right to read": [Errno.NOTCAPABLE, Errno.NOTCAPABLE],
      "no right to seek": [Errno.SUCCESS, Errno.NOTCAPABLE],
    },
  );
  assert.equal(guest.call("fd_pread", guest.open(VOLUME, "file"), list, count, 0n, guest.end - 3), Errno.FAULT);
  assert.equal(guest.call("fd_pread", guest.open(VOLUME, "file"), guest.end, 1, 0n, SIZE), Errno.FAULT);
});

test("fd_read() of standard input gives what is there, the rest at the next call", () => {
  using guest = new TestGuest({ stdin: pieces("hello ", "world") });
  const read = () => {
    assert.equal(guest.call("fd_read", 0, ...guest.iovecs([100, 2], [102, 2]), SIZE), Errno.SUCCESS);
    return guest.bytes.toString("utf8", 100, 100 + sizeOf(guest));
  };

  assert.deepEqual([read(), read(), read(), read(), read()], ["hell", "o ", "worl", "d", ""]);
});

test("fd_read() of standard input into no room asks for nothing", () => {
  const stdin = { read: () => assert.fail("asked") };
  using guest = new TestGuest({ stdin });
  assert.equal(guest.call("fd_read", 0, ...guest.iovecs([100, 0]), SIZE), Errno.SUCCESS);
  assert.equal(sizeOf(guest), 0);
});

test("fd_read() of standard input waits where the guest can, and can be cancelled", async () => {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const stdin = { read: () => promise };
  using sliced = new TestGuest({ stdin });
  using fast = new TestGuest({ stdin, mode: "fast" });
  using blocking = new TestGuest({ stdin, mode: "blocking" });
  using cancelled = new TestGuest({ stdin });
  const read = (guest: TestGuest) => guest.start("fd_read", 0, ...guest.iovecs([100, 10]), SIZE);

  const waited = read(sliced);
  const stopped = read(cancelled) as Promise<number>;
  assert.throws(() => read(fast), { name: "WouldBlock", reason: "wait" });
  assert.throws(() => read(blocking), TypeError);
  cancelled.host.cancel(new Error("stopped"));
  await assert.rejects(stopped, /stopped/);
  sliced.memory.grow(1);
  resolve(Buffer.from("late"));

  assert.equal(await waited, Errno.SUCCESS);
  assert.equal(sliced.bytes.toString("utf8", 100, 100 + sizeOf(sliced)), "late");
});

test("fd_read() returns IO when standard input fails, once and from then on", async () => {
  using guest = new TestGuest({ stdin: { read: () => Promise.reject(new Error("cut")) } });
  const read = () => guest.start("fd_read", 0, ...guest.iovecs([100, 10]), SIZE);

  assert.equal(await read(), Errno.IO);
  assert.equal(read(), Errno.IO);
});

test("a promise of an earlier run's input says nothing to the next", async () => {
  const first = Promise.withResolvers<Uint8Array>();
  using guest = new TestGuest({ stdin: { read: () => first.promise } });
  const waited = guest.start("fd_read", 0, ...guest.iovecs([100, 10]), SIZE) as Promise<number>;
  guest.host.end();
  await assert.rejects(waited);
  const sink = { write: () => {} };
  guest.host.begin({ args: [], env: [], stdin: pieces("second"), stdout: sink, stderr: sink, preopens: [] });

  first.resolve(Buffer.from("first"));
  await first.promise;

  assert.equal(guest.call("fd_read", 0, ...guest.iovecs([100, 10]), SIZE), Errno.SUCCESS);
  assert.equal(guest.bytes.toString("utf8", 100, 106), "second");
});
