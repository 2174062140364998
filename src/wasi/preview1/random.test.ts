import assert from "node:assert/strict";
import { test } from "node:test";
import { TestGuest, type TestGuestOptions } from "../testing/guest.ts";
import { Errno } from "./errno.ts";

const PIECE = 4096;
const START = 65_536;

/** Bytes of the memory that are not 0 any more, at the edges of a range. */
function filled(guest: TestGuest, length: number) {
  const { bytes } = guest;
  return {
    before: bytes.subarray(START - 64, START).some(Boolean),
    head: bytes.subarray(START, START + Math.min(length, 64)).some(Boolean),
    tail: bytes.subarray(START + Math.max(0, length - 64), START + length).some(Boolean),
    behind: bytes.subarray(START + length, START + length + 64).some(Boolean),
  };
}

const WHOLE = { before: false, head: true, tail: true, behind: false };
const limits = { randomBytes: PIECE };

for (const length of [64, 256, 257, PIECE]) {
  test(`random_get() fills ${length} bytes and no other`, () => {
    using guest = new TestGuest({ limits });

    assert.equal(guest.call("random_get", START, length), Errno.SUCCESS);

    assert.deepEqual(filled(guest, length), WHOLE);
  });
}

test("random_get() never gives the same bytes twice", () => {
  using guest = new TestGuest();
  const seen = new Set<string>();
  for (let index = 0; index < 1000; index++) {
    assert.equal(guest.call("random_get", START, 16), Errno.SUCCESS);
    seen.add(guest.bytes.toString("hex", START, START + 16));
  }

  assert.equal(seen.size, 1000);
});

test("random_get() of nothing succeeds at the end of the memory", () => {
  using guest = new TestGuest();
  assert.equal(guest.call("random_get", guest.end, 0), Errno.SUCCESS);
});

test("random_get() returns FAULT outside the memory", () => {
  using guest = new TestGuest();
  assert.equal(guest.call("random_get", guest.end - 8, 8), Errno.SUCCESS);
  assert.equal(guest.call("random_get", guest.end - 7, 8), Errno.FAULT);
  assert.equal(guest.call("random_get", 0, guest.end + 1), Errno.FAULT);
  assert.equal(guest.call("random_get", -1, 1), Errno.FAULT);
  assert.equal(guest.call("random_get", 0, -1), Errno.FAULT);
});

const large = 2 * PIECE + 100;

test("random_get() of more than a piece leaves the fast lane before it fills anything", () => {
  using guest = new TestGuest({ limits, mode: "fast" });

  assert.throws(() => guest.call("random_get", START, PIECE + 1), { name: "WouldBlock", reason: "wait" });

  assert.equal(filled(guest, PIECE).head, false);
});

test("random_get() of more than a piece lets others run between pieces", async () => {
  using guest = new TestGuest({ limits });

  const done = guest.start("random_get", START, large);
  assert.ok(done instanceof Promise);
  assert.equal(filled(guest, large).tail, false, "all at once");
  guest.memory.grow(1);

  assert.equal(await done, Errno.SUCCESS);
  assert.deepEqual(filled(guest, large), WHOLE);
});

test("random_get() of more than a piece can be cancelled between pieces", async () => {
  using guest = new TestGuest({ limits });
  const done = guest.start("random_get", START, large) as Promise<number>;

  guest.host.cancel(new Error("stopped"));

  await assert.rejects(done, /stopped/);
  assert.equal(filled(guest, large).tail, false);
});

test("random_get() of more than a piece in a blocking guest fills them one after another", () => {
  const options: TestGuestOptions = { limits, mode: "blocking" };
  using guest = new TestGuest(options);

  assert.equal(guest.call("random_get", START, large), Errno.SUCCESS);

  assert.deepEqual(filled(guest, large), WHOLE);
});
