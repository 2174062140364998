import assert from "node:assert/strict";
import { test } from "node:test";
import { TestGuest } from "../testing/guest.ts";
import { Errno, errnoOf } from "./errno.ts";
import { ProcExit } from "./unwinding.ts";

/** Every function of WASI preview 1. */
const FUNCTIONS = (
  "args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get fd_advise fd_allocate fd_close fd_datasync " +
  "fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get fd_filestat_set_size fd_filestat_set_times fd_pread " +
  "fd_prestat_get fd_prestat_dir_name fd_pwrite fd_read fd_readdir fd_renumber fd_seek fd_sync fd_tell fd_write " +
  "path_create_directory path_filestat_get path_filestat_set_times path_link path_open path_readlink path_remove_directory " +
  "path_rename path_symlink path_unlink_file poll_oneoff proc_exit proc_raise sched_yield random_get sock_accept sock_recv " +
  "sock_send sock_shutdown"
).split(" ");

test("find() knows every function of both versions and no other", () => {
  using guest = new TestGuest();
  for (const name of FUNCTIONS) {
    assert.equal(typeof guest.host.find("wasi_snapshot_preview1", name), "function", name);
    assert.equal(typeof guest.host.find("wasi_unstable", name), "function", name);
  }
  for (const name of ["", "fd_open", "toString", "__proto__", "constructor"]) {
    assert.equal(guest.host.find("wasi_snapshot_preview1", name), undefined, name);
  }
  assert.equal(guest.host.find("env", "fd_read"), undefined);
  assert.equal(guest.host.find("__proto__", "fd_read"), undefined);
});

test("functions answer a guest whose memory has grown since", () => {
  using guest = new TestGuest({ args: [Buffer.from("x")], pages: 2 });
  const old = guest.end;
  assert.equal(guest.call("args_sizes_get", old, 0), Errno.FAULT);

  guest.memory.grow(1);

  assert.equal(guest.call("args_sizes_get", old, old + 4), Errno.SUCCESS);
  assert.equal(guest.view.getUint32(old, true), 1);
  assert.equal(guest.call("args_sizes_get", guest.end, 0), Errno.FAULT);
});

test("proc_exit() throws the code, also 0 and the highest", () => {
  using guest = new TestGuest();
  for (const [given, code] of [
    [0, 0],
    [42, 42],
    [-1, 4_294_967_295],
  ] as const) {
    assert.throws(
      () => guest.call("proc_exit", given),
      (error) => error instanceof ProcExit && error.code === code,
    );
  }
});

test("proc_raise() returns NOSYS and sched_yield() succeeds", () => {
  using guest = new TestGuest();
  assert.equal(guest.call("proc_raise", 9), Errno.NOSYS);
  assert.equal(guest.call("sched_yield"), Errno.SUCCESS);
});

test("sock_*() return NOTSOCK for what is open and BADF for what is not", () => {
  using guest = new TestGuest();
  for (const name of ["sock_accept", "sock_recv", "sock_send", "sock_shutdown"]) {
    assert.equal(guest.call(name, 1, 0, 0, 0, 0, 0), Errno.NOTSOCK, name);
    assert.equal(guest.call(name, 3, 0, 0, 0, 0, 0), Errno.BADF, name);
    assert.equal(guest.call(name, -1, 0, 0, 0, 0, 0), Errno.BADF, name);
  }
});

test("end() forgets the run: a second one gets nothing of the first", () => {
  using guest = new TestGuest({ args: [Buffer.from("first")], env: [Buffer.from("A=1")] });
  assert.equal(guest.call("fd_close", 1), Errno.SUCCESS);
  assert.equal(guest.call("fd_fdstat_set_rights", 0, 0n, 0n), Errno.SUCCESS);
  guest.host.end();

  assert.equal(guest.call("fd_close", 0), Errno.BADF);
  const nothing = { read: () => new Uint8Array(0) };
  const output: string[] = [];
  const stdout = { write: (bytes: Uint8Array) => void output.push(Buffer.from(bytes).toString()) };
  guest.host.begin({ args: [], env: [], stdin: nothing, stdout, stderr: stdout, preopens: [] });

  assert.equal(guest.call("args_sizes_get", 0, 4), Errno.SUCCESS);
  assert.equal(guest.view.getUint32(0, true), 0);
  assert.equal(guest.call("environ_sizes_get", 0, 4), Errno.SUCCESS);
  assert.equal(guest.view.getUint32(0, true), 0);
  assert.equal(guest.call("fd_write", 1, ...guest.iovecs(guest.put("second")), 0), Errno.SUCCESS);
  assert.equal(guest.call("fd_read", 0, ...guest.iovecs([0, 8]), 16), Errno.SUCCESS);
  assert.deepEqual(output, ["second"]);
});

test("cancel() does nothing when the guest does not wait", () => {
  using guest = new TestGuest();
  guest.host.cancel(new Error("stopped"));
  assert.equal(guest.call("sched_yield"), Errno.SUCCESS);
});

test("errnoOf() tells errors it does not know as IO", () => {
  assert.deepEqual(
    [0, 7, -2, -13, -28, -40, -122, -9999].map((result) => errnoOf(result)),
    [Errno.SUCCESS, Errno.SUCCESS, Errno.NOENT, Errno.ACCES, Errno.NOSPC, Errno.LOOP, Errno.DQUOT, Errno.IO],
  );
});
