import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, systemClock } from "../../base/index.ts";
import { TestGuest, type TestGuestOptions } from "../testing/guest.ts";
import { createVolume, VOLUME } from "../testing/volume.ts";
import { Errno } from "./errno.ts";

interface ClockWait {
  readonly clock: number;
  readonly ns: bigint;
  readonly absolute?: boolean;
}
type Wanted = ClockWait | { readonly read: number } | { readonly write: number } | { readonly type: number };

interface Event {
  readonly userData: bigint;
  readonly errno: number;
  readonly type: number;
  readonly bytes: bigint;
  readonly flags: number;
}

const INPUT = 0;
const OUTPUT = 32_768;
const SIZE = 60_000;
const MS = 1_000_000n;

/** Starts a poll; user data are the numbers of the subscriptions, from 100. */
function poll(guest: TestGuest, wanted: readonly Wanted[], isUnstable = false): number | Promise<number> {
  const bytes = isUnstable ? 56 : 48;
  const shift = isUnstable ? 8 : 0;
  for (const [index, each] of wanted.entries()) {
    const at = INPUT + index * bytes;
    guest.bytes.fill(0, at, at + bytes);
    guest.view.setBigUint64(at, BigInt(100 + index), true);
    if ("clock" in each) {
      guest.view.setUint32(at + 16 + shift, each.clock, true);
      guest.view.setBigUint64(at + 24 + shift, each.ns, true);
      guest.view.setUint16(at + 40 + shift, each.absolute ? 1 : 0, true);
    } else if ("type" in each) {
      guest.view.setUint8(at + 8, each.type);
    } else {
      guest.view.setUint8(at + 8, "read" in each ? 1 : 2);
      guest.view.setUint32(at + 16, "read" in each ? each.read : each.write, true);
    }
  }
  return guest.start("poll_oneoff", INPUT, OUTPUT, wanted.length, SIZE);
}

function events(guest: TestGuest): readonly Event[] {
  return Array.from({ length: guest.view.getUint32(SIZE, true) }, (_, index) => {
    const at = OUTPUT + index * 32;
    return {
      userData: guest.view.getBigUint64(at, true),
      errno: guest.view.getUint16(at + 8, true),
      type: guest.view.getUint8(at + 10),
      bytes: guest.view.getBigUint64(at + 16, true),
      flags: guest.view.getUint16(at + 24, true),
    };
  });
}

const clockEvent = (index: number): Event => ({
  userData: BigInt(100 + index),
  errno: 0,
  type: 0,
  bytes: 0n,
  flags: 0,
});

/** A guest on a clock that stands still. */
function sleeper(options: TestGuestOptions = {}) {
  const clock = new FakeClock();
  return { clock, guest: new TestGuest({ clock, ...options }) };
}

/** Input that a test gives when it wants to. */
function lateInput() {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  let isGiven = false;
  const read = () => {
    if (isGiven) return new Uint8Array(0);
    isGiven = true;
    return promise;
  };
  return { read, give: (text: string) => resolve(Buffer.from(text)), fail: () => reject(new Error("cut")) };
}

for (const module of ["wasi_snapshot_preview1", "wasi_unstable"] as const) {
  test(`poll_oneoff() of ${module} waits for the earliest clock`, async () => {
    const { clock, guest } = sleeper({ module });
    using _ = guest;
    const waited = poll(
      guest,
      [
        { clock: 1, ns: 500n * MS },
        { clock: 0, ns: 20n * MS },
        { clock: 1, ns: 20n * MS },
      ],
      module === "wasi_unstable",
    );
    assert.equal(clock.nextTimerMs, 20);

    await clock.advance(20);

    assert.equal(await waited, Errno.SUCCESS);
    assert.deepEqual(events(guest), [clockEvent(1), clockEvent(2)]);
    assert.equal(clock.nextTimerMs, undefined);
  });
}

test("poll_oneoff() answers a time that is past at once", () => {
  const { guest } = sleeper();
  using _ = guest;
  for (const wanted of [
    { clock: 1, ns: 0n },
    { clock: 0, ns: 0n, absolute: true },
    { clock: 1, ns: 0n, absolute: true },
  ]) {
    assert.equal(poll(guest, [wanted]), Errno.SUCCESS);
    assert.deepEqual(events(guest), [clockEvent(0)]);
  }
});

test("poll_oneoff() waits for an absolute time of either clock", async () => {
  for (const id of [0, 1]) {
    const { clock, guest } = sleeper();
    using _ = guest;
    await clock.advance(1000);
    const now = id === 0 ? clock.now() : clock.monotonic();
    const waited = poll(guest, [{ clock: id, ns: BigInt(now + 30) * MS, absolute: true }]);
    assert.equal(clock.nextTimerMs, 30);

    await clock.advance(30);

    assert.equal(await waited, Errno.SUCCESS);
  }
});

test("poll_oneoff() waits longer than a timer can, in several steps", async () => {
  const { clock, guest } = sleeper();
  using _ = guest;
  const waited = poll(guest, [{ clock: 1, ns: 2_500_000_000n * MS }]);

  await clock.advance(1_000_000_000);
  assert.equal(clock.nextTimerMs, 1_000_000_000);
  await clock.advance(1_500_000_000);

  assert.equal(await waited, Errno.SUCCESS);
});

test("poll_oneoff() of the longest time there is waits and can be cancelled", async () => {
  const { clock, guest } = sleeper();
  using _ = guest;
  for (const absolute of [false, true]) {
    const waited = poll(guest, [{ clock: 1, ns: 2n ** 64n - 1n, absolute }]) as Promise<number>;
    assert.equal(clock.nextTimerMs, 1_000_000_000);

    guest.host.cancel(new Error("stopped"));

    await assert.rejects(waited, /stopped/);
    assert.equal(clock.nextTimerMs, undefined);
  }
});

test("end() rejects what the guest waits for and leaves no timer", async () => {
  const { clock, guest } = sleeper();
  const waited = poll(guest, [{ clock: 1, ns: 5n * MS }]) as Promise<number>;

  guest.host.end();

  await assert.rejects(waited, /The run has ended/);
  assert.equal(clock.nextTimerMs, undefined);
});

test("poll_oneoff() in the fast lane throws at once, without a timer and not by a promise", () => {
  const { clock, guest } = sleeper({ mode: "fast" });
  using _ = guest;

  assert.throws(() => poll(guest, [{ clock: 1, ns: 5n * MS }]), { name: "WouldBlock", reason: "wait" });
  assert.equal(clock.nextTimerMs, undefined);
  assert.equal(poll(guest, [{ write: 1 }]), Errno.SUCCESS);
});

test("poll_oneoff() in a blocking guest holds the thread until the time", () => {
  using guest = new TestGuest({ mode: "blocking", clock: systemClock });
  const start = performance.now();

  assert.equal(poll(guest, [{ clock: 1, ns: 12n * MS }]), Errno.SUCCESS);

  assert.ok(performance.now() - start >= 12);
  assert.deepEqual(events(guest), [clockEvent(0)]);
});

test("poll_oneoff() in a blocking guest refuses to wait for what cannot arrive meanwhile", () => {
  using guest = new TestGuest({ mode: "blocking", clock: systemClock, stdin: lateInput() });

  assert.throws(() => poll(guest, [{ read: 0 }]), TypeError);
  assert.equal(poll(guest, [{ read: 0 }, { clock: 1, ns: 2n * MS }]), Errno.SUCCESS);
  assert.deepEqual(events(guest), [clockEvent(1)]);
});

test("poll_oneoff() tells how much a read of standard input would give", () => {
  using guest = new TestGuest({ stdin: { read: () => Buffer.from("hello") } });

  assert.equal(poll(guest, [{ read: 0 }]), Errno.SUCCESS);
  assert.deepEqual(events(guest), [{ userData: 100n, errno: 0, type: 1, bytes: 5n, flags: 0 }]);

  assert.equal(guest.call("fd_read", 0, ...guest.iovecs([0, 100]), SIZE), Errno.SUCCESS);
  assert.equal(guest.bytes.toString("utf8", 0, 5), "hello");
});

test("poll_oneoff() tells the end of standard input as hung up", () => {
  using guest = new TestGuest();
  assert.equal(poll(guest, [{ read: 0 }]), Errno.SUCCESS);
  assert.deepEqual(events(guest), [{ userData: 100n, errno: 0, type: 1, bytes: 0n, flags: 1 }]);
});

test("poll_oneoff() waits for standard input that is not there yet", async () => {
  const stdin = lateInput();
  const { clock, guest } = sleeper({ stdin });
  using _ = guest;
  const waited = poll(guest, [{ clock: 1, ns: 1000n * MS }, { read: 0 }]);

  stdin.give("abc");

  assert.equal(await waited, Errno.SUCCESS);
  assert.deepEqual(events(guest), [{ userData: 101n, errno: 0, type: 1, bytes: 3n, flags: 0 }]);
  assert.equal(clock.nextTimerMs, undefined);
});

test("poll_oneoff() gives up on standard input when its time is up, and a later read still gets it", async () => {
  const stdin = lateInput();
  const { clock, guest } = sleeper({ stdin });
  using _ = guest;
  const waited = poll(guest, [{ clock: 1, ns: 10n * MS }, { read: 0 }]);
  await clock.advance(10);
  assert.equal(await waited, Errno.SUCCESS);
  assert.deepEqual(events(guest), [clockEvent(0)]);

  const read = guest.start("fd_read", 0, ...guest.iovecs([0, 100]), SIZE);
  stdin.give("late");

  assert.equal(await read, Errno.SUCCESS);
  assert.equal(guest.bytes.toString("utf8", 0, 4), "late");
});

test("poll_oneoff() tells standard input that failed as hung up", async () => {
  const stdin = lateInput();
  const { guest } = sleeper({ stdin });
  using _ = guest;
  const waited = poll(guest, [{ read: 0 }]);

  stdin.fail();

  assert.equal(await waited, Errno.SUCCESS);
  assert.deepEqual(events(guest), [{ userData: 100n, errno: 0, type: 1, bytes: 0n, flags: 1 }]);
});

test("poll_oneoff() finds outputs, files and folders ready", () => {
  using volume = createVolume({ file: "content" });
  const { guest } = volume;
  const file = guest.open(VOLUME, "file");

  assert.equal(poll(guest, [{ write: 1 }, { write: 2 }, { read: file }, { write: file }]), Errno.SUCCESS);

  assert.deepEqual(
    events(guest).map(({ userData, errno, type }) => [userData, errno, type]),
    [
      [100n, 0, 2],
      [101n, 0, 2],
      [102n, 0, 1],
      [103n, 0, 2],
    ],
  );
});

test("poll_oneoff() tells what is wrong with one subscription in its event", () => {
  using guest = new TestGuest();

  assert.equal(
    poll(guest, [
      { read: 9 },
      { write: -1 },
      { clock: 2, ns: 1n },
      { clock: 9, ns: 1n },
      { type: 3 },
      { clock: 1, ns: 2n ** 63n },
    ]),
    Errno.SUCCESS,
  );

  assert.deepEqual(
    events(guest).map(({ userData, errno, type }) => [userData, errno, type]),
    [
      [100n, Errno.BADF, 1],
      [101n, Errno.BADF, 2],
      [102n, Errno.INVAL, 0],
      [103n, Errno.INVAL, 0],
      [104n, Errno.INVAL, 3],
    ],
  );
});

test("poll_oneoff() returns INVAL for no subscription and for more than the limit", () => {
  using guest = new TestGuest({ limits: { subscriptions: 3 } });
  const wanted = { write: 1 };

  assert.equal(poll(guest, []), Errno.INVAL);
  assert.equal(poll(guest, [wanted, wanted, wanted]), Errno.SUCCESS);
  assert.equal(poll(guest, [wanted, wanted, wanted, wanted]), Errno.INVAL);
  assert.equal(guest.call("poll_oneoff", INPUT, OUTPUT, -1, SIZE), Errno.INVAL);
});

test("poll_oneoff() returns FAULT when a pointer is outside the memory", () => {
  for (const [module, bytes] of [
    ["wasi_snapshot_preview1", 48],
    ["wasi_unstable", 56],
  ] as const) {
    using guest = new TestGuest({ module });
    const { end } = guest;
    const at = (input: number, output: number, size: number) => guest.call("poll_oneoff", input, output, 1, size);

    assert.equal(at(end - bytes, OUTPUT, SIZE), Errno.SUCCESS);
    assert.equal(at(end - bytes + 1, OUTPUT, SIZE), Errno.FAULT);
    assert.equal(at(INPUT, end - 32, SIZE), Errno.SUCCESS);
    assert.equal(at(INPUT, end - 31, SIZE), Errno.FAULT);
    assert.equal(at(INPUT, OUTPUT, end - 4), Errno.SUCCESS);
    assert.equal(at(INPUT, OUTPUT, end - 3), Errno.FAULT);
    assert.equal(at(-48, OUTPUT, SIZE), Errno.FAULT);
  }
});
