import assert from "node:assert/strict";
import { test } from "node:test";
import { TestGuest } from "../testing/guest.ts";
import { Errno } from "./errno.ts";

const strings = ["hello", "", "a=b", "ü"].map((text) => Buffer.from(text));
const total = 5 + 0 + 3 + 2 + 4;

for (const [sizes, get, given] of [
  ["args_sizes_get", "args_get", "args"],
  ["environ_sizes_get", "environ_get", "env"],
] as const) {
  test(`${sizes}() and ${get}() tell the strings with their NULs`, () => {
    using guest = new TestGuest({ [given]: strings });

    assert.equal(guest.call(sizes, 0, 4), Errno.SUCCESS);
    assert.deepEqual([guest.view.getUint32(0, true), guest.view.getUint32(4, true)], [4, total]);
    assert.equal(guest.call(get, 100, 200), Errno.SUCCESS);
    const pointers = [0, 1, 2, 3].map((index) => guest.view.getUint32(100 + index * 4, true));
    assert.deepEqual(pointers, [200, 206, 207, 211]);
    assert.equal(guest.bytes.toString("utf8", 200, 200 + total), "hello\0\0a=b\0ü\0");
  });

  test(`${sizes}() and ${get}() of nothing write nothing`, () => {
    using guest = new TestGuest();

    assert.equal(guest.call(sizes, 0, 4), Errno.SUCCESS);
    assert.deepEqual([guest.view.getUint32(0, true), guest.view.getUint32(4, true)], [0, 0]);
    assert.equal(guest.call(get, guest.end, guest.end), Errno.SUCCESS);
  });

  test(`${sizes}() and ${get}() return FAULT when a pointer is outside the memory`, () => {
    using guest = new TestGuest({ [given]: strings });
    const { end } = guest;
    const cases = {
      "count at the last bytes": guest.call(sizes, end - 4, 0),
      "count one beyond": guest.call(sizes, end - 3, 0),
      "bytes at the last bytes": guest.call(sizes, 0, end - 4),
      "bytes one beyond": guest.call(sizes, 0, end - 3),
      "count at the highest address": guest.call(sizes, -1, 0),
      "pointers at the last bytes": guest.call(get, end - 16, 0),
      "pointers one beyond": guest.call(get, end - 15, 0),
      "buffer at the last bytes": guest.call(get, 0, end - total),
      "buffer one beyond": guest.call(get, 0, end - total + 1),
      "buffer at the highest address": guest.call(get, 0, -1),
    };

    assert.deepEqual(cases, {
      "count at the last bytes": Errno.SUCCESS,
      "count one beyond": Errno.FAULT,
      "bytes at the last bytes": Errno.SUCCESS,
      "bytes one beyond": Errno.FAULT,
      "count at the highest address": Errno.FAULT,
      "pointers at the last bytes": Errno.SUCCESS,
      "pointers one beyond": Errno.FAULT,
      "buffer at the last bytes": Errno.SUCCESS,
      "buffer one beyond": Errno.FAULT,
      "buffer at the highest address": Errno.FAULT,
    });
  });

  test(`${sizes}() and ${get}() return TOOBIG beyond the limit`, () => {
    using fits = new TestGuest({ [given]: strings, limits: { stringBytes: total } });
    using guest = new TestGuest({ [given]: strings, limits: { stringBytes: total - 1 } });

    assert.deepEqual([fits.call(sizes, 0, 4), fits.call(get, 0, 100)], [Errno.SUCCESS, Errno.SUCCESS]);
    assert.deepEqual([guest.call(sizes, 0, 4), guest.call(get, 0, 100)], [Errno.TOOBIG, Errno.TOOBIG]);
  });
}
