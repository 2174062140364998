// Every host function with any arguments, in any order: each answers an errno, touches nothing outside and leaves no descriptor.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import * as fc from "fast-check";
import { FakeClock } from "../../src/base/index.ts";
import { kernelDecides, type OpenBeneath, walkBeneath } from "../../src/wasi/files/index.ts";
import { Errno } from "../../src/wasi/preview1/errno.ts";
import { createWorld } from "./escape-world.ts";

/** Parameters by function: i for i32, I for i64, f for a descriptor, p for a path (pointer and length). */
const SIGNATURES: Readonly<Record<string, string>> = {
  args_get: "ii",
  args_sizes_get: "ii",
  environ_get: "ii",
  environ_sizes_get: "ii",
  clock_res_get: "ii",
  clock_time_get: "iIi",
  fd_advise: "fIIi",
  fd_allocate: "fII",
  fd_close: "f",
  fd_datasync: "f",
  fd_fdstat_get: "fi",
  fd_fdstat_set_flags: "fi",
  fd_fdstat_set_rights: "fII",
  fd_filestat_get: "fi",
  fd_filestat_set_size: "fs",
  fd_filestat_set_times: "fIIi",
  fd_pread: "fiiIi",
  fd_prestat_get: "fi",
  fd_prestat_dir_name: "fii",
  fd_pwrite: "fiisi",
  fd_read: "fiii",
  fd_readdir: "fiiIi",
  fd_renumber: "ff",
  fd_seek: "fIii",
  fd_sync: "f",
  fd_tell: "fi",
  fd_write: "fiii",
  path_create_directory: "fp",
  path_filestat_get: "fipi",
  path_filestat_set_times: "fipIIi",
  path_link: "fipfp",
  path_open: "fipiIIii",
  path_readlink: "fpiii",
  path_remove_directory: "fp",
  path_rename: "fpfp",
  path_symlink: "pfp",
  path_unlink_file: "fp",
  poll_oneoff: "iiii",
  proc_raise: "i",
  random_get: "ii",
  sched_yield: "",
  sock_accept: "fii",
  sock_recv: "fiiiii",
  sock_send: "fiiii",
  sock_shutdown: "fi",
};

const MEMORY_BYTES = 20 * 65_536;
const NAMES =
  "file.txt folder folder/inner.txt new new/deeper in-file in-folder/inner.txt . folder/.. .. ../secret.txt / " +
  "/escaped-from-a-volume out-file out-folder/inner.txt up/secret.txt out-folder/ loop abs-file proc-file " +
  "proc-cwd/escaped-from-a-volume folder/up/secret.txt a\0b \u00e9 ";

const i32 = fc.oneof(
  fc.integer({ min: 0, max: 32 }),
  fc.integer({ min: 0, max: 4096 }),
  fc.constantFrom(-1, -4, -8, 2 ** 31 - 1, -(2 ** 31), MEMORY_BYTES, MEMORY_BYTES - 4, MEMORY_BYTES - 8),
);
const i64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 64n }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-1n, 2n ** 63n - 1n, -(2n ** 63n), 0x1fff_ffffn),
);
/** Sizes that do not fill a disk with what is not sparse. */
const size = fc.oneof(fc.bigInt({ min: 0n, max: 5000n }), fc.constantFrom(-1n, 2n ** 63n - 1n));
const descriptor = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom(3, 3, 3, 4, -1, 1000));
const path = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...NAMES.split(" ")) },
  { weight: 1, arbitrary: fc.tuple(i32, i32) },
);

type Argument = number | bigint | string | readonly [number, number];
const PARAMETERS: Readonly<Record<string, fc.Arbitrary<Argument>>> = {
  i: i32,
  I: i64,
  s: size,
  f: descriptor,
  p: path,
};

const call = fc
  .constantFrom(...Object.entries(SIGNATURES))
  .chain(([name, signature]) =>
    fc.tuple(fc.constant(name), fc.tuple(...Array.from(signature, (kind) => PARAMETERS[kind] ?? i32))),
  );
const WAYS: Readonly<Record<string, OpenBeneath>> = { kernelDecides, walkBeneath };
const KNOWN = new Set<number>(Object.values(Errno));

for (const [way, openBeneath] of Object.entries(WAYS)) {
  test(`host functions with any arguments answer an errno and touch nothing outside (${way})`, async () => {
    const before = readdirSync("/proc/self/fd").length;
    const runs = fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 40 }), async (calls) => {
      using world = createWorld(openBeneath, { clock: new FakeClock() });
      const { guest } = world;
      for (const [name, given] of calls) {
        const args = given.flatMap((each) => (typeof each === "string" ? guest.put(each) : each));
        const answer = guest.start(name, ...args);
        const errno = typeof answer === "number" ? answer : await cancelled(guest, answer);
        assert.ok(KNOWN.has(errno), `${name} answered ${errno}`);
      }
      world.verify();
    });
    await fc.assert(runs, { numRuns: 150 });
    assert.equal(readdirSync("/proc/self/fd").length, before);
  });
}

/** Ends a wait: nothing would end it on a clock that stands still. */
async function cancelled(guest: ReturnType<typeof createWorld>["guest"], waiting: Promise<number>): Promise<number> {
  const reason = new Error("stopped");
  guest.host.cancel(reason);
  return waiting.catch((error: unknown) => {
    assert.equal(error, reason);
    return Errno.SUCCESS;
  });
}
