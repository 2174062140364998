import assert from "node:assert/strict";
import { test } from "node:test";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

const RESULT = 0;
const SEEK = 4n;
const TELL = 32n;

test("fd_seek() moves from the start, the position and the end; wasi_unstable numbers them otherwise", () => {
  for (const [module, set, current, end] of [
    ["wasi_snapshot_preview1", 0, 1, 2],
    ["wasi_unstable", 2, 0, 1],
  ] as const) {
    using volume = createVolume({ file: "0123456789" }, { module });
    const { guest } = volume;
    const file = guest.open(VOLUME, "file");
    const seek = (offset: bigint, whence: number) => {
      const errno = guest.call("fd_seek", file, offset, whence, RESULT);
      return errno === Errno.SUCCESS ? Number(guest.view.getBigUint64(RESULT, true)) : -errno;
    };

    assert.deepEqual(
      [seek(4n, set), seek(2n, current), seek(-1n, current), seek(-3n, end), seek(100n, end), seek(0n, current)],
      [4, 6, 5, 7, 110, 110],
      module,
    );
    assert.deepEqual(
      [seek(-1n, set), seek(-111n, current), seek(-11n, end)],
      [-Errno.INVAL, -Errno.INVAL, -Errno.INVAL],
    );
    assert.deepEqual([seek(0n, 3), seek(0n, -1), seek(0n, 2 ** 31)], [-Errno.INVAL, -Errno.INVAL, -Errno.INVAL]);
    assert.equal(guest.call("fd_tell", file, RESULT), Errno.SUCCESS);
    assert.equal(guest.view.getBigUint64(RESULT, true), 110n);
  }
});

test("fd_seek() and fd_tell() return the errno of what has no position", () => {
  using volume = createVolume({ file: "" });
  const { guest } = volume;
  const seek = (fd: number, offset = 1n) => guest.call("fd_seek", fd, offset, 1, RESULT);
  const tell = (fd: number) => guest.call("fd_tell", fd, RESULT);
  const none = guest.open(VOLUME, "file", { rights: 2n });
  const telling = guest.open(VOLUME, "file", { rights: TELL });
  const seeking = guest.open(VOLUME, "file", { rights: SEEK });

  assert.deepEqual([seek(99), tell(99)], [Errno.BADF, Errno.BADF]);
  assert.deepEqual([seek(VOLUME), tell(VOLUME)], [Errno.BADF, Errno.BADF]);
  for (const stream of [0, 1, 2]) assert.deepEqual([seek(stream), tell(stream)], [Errno.SPIPE, Errno.SPIPE]);
  assert.deepEqual([seek(none), seek(none, 0n), tell(none)], Array(3).fill(Errno.NOTCAPABLE));
  assert.deepEqual([seek(telling), seek(telling, 0n), tell(telling)], [Errno.NOTCAPABLE, Errno.SUCCESS, Errno.SUCCESS]);
  assert.deepEqual([seek(seeking), seek(seeking, 0n), tell(seeking)], Array(3).fill(Errno.SUCCESS));
});

test("fd_seek() and fd_tell() return FAULT outside the memory and then do not move", () => {
  using volume = createVolume({ file: "0123" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");

  assert.equal(guest.call("fd_seek", file, 2n, 0, guest.end - 7), Errno.FAULT);
  assert.equal(guest.call("fd_tell", file, guest.end - 7), Errno.FAULT);
  assert.equal(guest.call("fd_tell", file, guest.end - 8), Errno.SUCCESS);
  assert.equal(guest.read(file), "0123");
});
