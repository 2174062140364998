// What a hostile guest may try to get at files outside its folders: every case with both ways of opening paths.
import assert from "node:assert/strict";
import { closeSync, constants, existsSync, openSync, readFileSync, renameSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import path from "node:path";
import { test } from "node:test";
import { kernelDecides, type OpenBeneath, walkBeneath } from "../../src/wasi/files/index.ts";
import { Errno } from "../../src/wasi/preview1/errno.ts";
import { ALL_RIGHTS, FileGuest, OpenFlag } from "../../src/wasi/testing/files.ts";
import { makeFifo, makeZeroDevice } from "../../src/wasi/testing/nodes.ts";
import { createWorld, INSIDE, READ_ONLY, type World, WRITABLE } from "./escape-world.ts";

const WAYS: Readonly<Record<string, OpenBeneath>> = { kernelDecides, walkBeneath };
const SYMBOLIC_LINK = 7;

type Attempt = (world: World) => void | Promise<void>;

/** Runs an attempt in a world of its own, once for each way of opening; afterwards everything outside must be as before. */
function escape(name: string, attempt: Attempt): void {
  for (const [way, openBeneath] of Object.entries(WAYS)) {
    test(`${name} (${way})`, async () => {
      using world = createWorld(openBeneath);

      await attempt(world);

      world.verify();
    });
  }
}

/** Names of errnos, so that a failure says what happened. */
const names = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, name]));

function errnoName(errno: number): string {
  return names.get(Math.abs(errno)) ?? `${errno}`;
}

/** Errno of an opening; what was opened is read first, so that a secret in it is found in the memory. */
function open(
  guest: FileGuest,
  fd: number,
  ...rest: Parameters<FileGuest["open"]> extends [number, ...infer R] ? R : never
) {
  const opened = guest.open(fd, ...rest);
  if (opened < 0) return errnoName(opened);
  guest.read(opened);
  guest.list(opened);
  return "SUCCESS";
}

type Operation = (guest: FileGuest, path: string) => string;

function stated(result: ReturnType<FileGuest["stat"]>): string {
  return typeof result === "number" ? errnoName(result) : "SUCCESS";
}

/** Functions that follow a symlink at the end of a path. */
const FOLLOWING: Readonly<Record<string, Operation>> = {
  open: (guest, name) => open(guest, WRITABLE, name),
  "open to read": (guest, name) => open(guest, WRITABLE, name, { rights: 2n }),
  "open to write": (guest, name) => open(guest, WRITABLE, name, { rights: 64n }),
  "open as a folder": (guest, name) => open(guest, WRITABLE, name, { openFlags: OpenFlag.DIRECTORY, rights: 2n }),
  "open and cut": (guest, name) => open(guest, WRITABLE, name, { openFlags: OpenFlag.TRUNCATE }),
  stat: (guest, name) => stated(guest.stat(WRITABLE, name)),
  "set times": (guest, name) => errnoName(guest.setTimes(WRITABLE, name)),
};

/** Functions that may make a file where a symlink leads. */
const CREATING: Readonly<Record<string, Operation>> = {
  create: (guest, name) => open(guest, WRITABLE, name, { openFlags: OpenFlag.CREATE }),
  "create and cut": (guest, name) => open(guest, WRITABLE, name, { openFlags: OpenFlag.CREATE | OpenFlag.TRUNCATE }),
};

/** Functions that work on the last name itself. */
const NAMING: Readonly<Record<string, Operation>> = {
  "open without following": (guest, name) => open(guest, WRITABLE, name, { follow: false }),
  "create exclusively": (guest, name) =>
    open(guest, WRITABLE, name, { openFlags: OpenFlag.CREATE | OpenFlag.EXCLUSIVE }),
  "stat without following": (guest, name) => stated(guest.stat(WRITABLE, name, { follow: false })),
  "set times without following": (guest, name) => errnoName(guest.setTimes(WRITABLE, name, { follow: false })),
  "create a folder": (guest, name) => errnoName(guest.createDirectory(WRITABLE, name)),
  "remove a folder": (guest, name) => errnoName(guest.removeDirectory(WRITABLE, name)),
  symlink: (guest, name) => errnoName(guest.symlink("file.txt", WRITABLE, name)),
  readlink: (guest, name) => {
    const target = guest.readlink(WRITABLE, name);
    return typeof target === "number" ? errnoName(target) : "SUCCESS";
  },
  "link to it": (guest, name) => errnoName(guest.link(WRITABLE, "file.txt", WRITABLE, name)),
  "link from it": (guest, name) => errnoName(guest.link(WRITABLE, name, WRITABLE, "linked")),
  "rename to it": (guest, name) => errnoName(guest.rename(WRITABLE, "folder/inner.txt", WRITABLE, name)),
  "rename a folder to it": (guest, name) => errnoName(guest.rename(WRITABLE, "folder/deep", WRITABLE, name)),
  unlink: (guest, name) => errnoName(guest.unlink(WRITABLE, name)),
  "rename from it": (guest, name) => errnoName(guest.rename(WRITABLE, name, WRITABLE, "renamed")),
};

const EVERYTHING = { ...FOLLOWING, ...CREATING, ...NAMING };

function outcomes(operations: Readonly<Record<string, Operation>>, guest: FileGuest, name: string) {
  return Object.fromEntries(Object.entries(operations).map(([title, run]) => [title, run(guest, name)]));
}

function all(operations: object, errno: string) {
  return Object.fromEntries(Object.keys(operations).map((title) => [title, errno]));
}

// Paths that leave the folder before their last name: no function may do anything.
const LEAVING: Readonly<Record<string, string | ((world: World) => string)>> = {
  "..": "..",
  "../": "../",
  "../..": "../..",
  "a folder and two steps up": "folder/../..",
  "a file beside the volume": "../secret.txt",
  "a new name beside the volume": "../new.txt",
  "a folder beside the volume": "../outside/inner.txt",
  "a dot before": "./../secret.txt",
  "dots between": "folder/./.././../secret.txt",
  "one step too many": "folder/deep/../../../secret.txt",
  "a doubled slash": "..//secret.txt",
  "doubled slashes": "folder//..//..//secret.txt",
  "out and in again": "../volume/file.txt",
  "out, in and out again": "../volume/../secret.txt",
  "the root": "/",
  "an absolute path": (world) => path.join(world.root, "secret.txt"),
  "an absolute path to the volume's own file": (world) => path.join(world.volume, "file.txt"),
  "an absolute path below the guest's name of the volume": "/data/file.txt",
  "two slashes at the start": "//secret.txt",
  "/proc/self/root": (world) => `/proc/self/root${world.root}/secret.txt`,
  "/proc/self/fd": (world) => `/proc/self/fd/${world.outsideFd}/inner.txt`,
  "a relative symlink": "out-folder/inner.txt",
  "a relative symlink to a new name": "out-folder/new.txt",
  "a relative symlink and a slash at the end": "out-folder/inner.txt/",
  "a symlink that ends with a slash": "slashed/inner.txt",
  "an absolute symlink": "abs-folder/inner.txt",
  "an absolute symlink back into the volume": "abs-self/file.txt",
  "a chain of symlinks": "chain/inner.txt",
  "a symlink to ..": "up/secret.txt",
  "a symlink to .. and back": "up/volume/file.txt",
  "a symlink in a folder": "folder/up/secret.txt",
  "a symlink that winds": "winding/inner.txt",
  "a symlink and .. behind it": "out-folder/../secret.txt",
  "a symlink and .": "out-folder/.",
  "a symlink to ..'s parent and back": "folder/up/volume/file.txt",
  "a symlink to the read-only volume": "out-readonly/file.txt",
  "a symlink to /proc/self/root": (world) => `proc-root${world.root}/secret.txt`,
  "a symlink to /proc/self/cwd": "proc-cwd/escaped-from-a-volume",
  "a symlink to a descriptor of the host": "proc-folder/inner.txt",
};
for (const [title, given] of Object.entries(LEAVING)) {
  escape(`${title}: every function refuses`, (world) => {
    const name = typeof given === "string" ? given : given(world);

    assert.deepEqual(outcomes(EVERYTHING, world.guest, name), all(EVERYTHING, "PERM"));
  });
}

// Symlinks at the end of a path.
const ENDING = [
  "out-file",
  "out-folder",
  "out-new",
  "abs-file",
  "abs-folder",
  "abs-new",
  "chain",
  "chain-file",
  "up",
  "winding",
  "proc-root",
  "proc-folder",
  "proc-file",
  "proc-thread",
];
for (const name of ENDING) {
  escape(`${name}: functions that follow refuse, the others take the symlink itself`, ({ guest }) => {
    assert.deepEqual(outcomes({ ...FOLLOWING, ...CREATING }, guest, name), all({ ...FOLLOWING, ...CREATING }, "PERM"));
    assert.deepEqual(outcomes(NAMING, guest, name), {
      "open without following": "LOOP",
      "create exclusively": "EXIST",
      "stat without following": "SUCCESS",
      "set times without following": "SUCCESS",
      "create a folder": "EXIST",
      "remove a folder": "NOTDIR",
      symlink: "EXIST",
      readlink: "SUCCESS",
      "link to it": "EXIST",
      "link from it": "SUCCESS",
      "rename to it": "SUCCESS",
      "rename a folder to it": "NOTDIR",
      unlink: "SUCCESS",
      "rename from it": "NOENT",
    });
    assert.equal(stated(guest.stat(WRITABLE, "linked")), "PERM");
  });
}
for (const name of ["out-folder/", "out-empty/", "abs-folder//", "chain/", "proc-folder/", "out-file/"]) {
  escape(`${name}: a slash behind a symlink makes no function follow it out`, ({ guest }) => {
    assert.deepEqual(outcomes(FOLLOWING, guest, name), all(FOLLOWING, "PERM"));
    assert.deepEqual(outcomes(NAMING, guest, name), {
      "open without following": "PERM",
      "create exclusively": "ISDIR",
      "stat without following": "PERM",
      "set times without following": "PERM",
      "create a folder": "EXIST",
      "remove a folder": "NOTDIR",
      symlink: "NOTDIR",
      readlink: "INVAL",
      "link to it": "NOENT",
      "link from it": "NOTDIR",
      "rename to it": "NOTDIR",
      "rename a folder to it": "NOTDIR",
      unlink: "NOTDIR",
      "rename from it": "NOTDIR",
    });
  });
}

escape("paths that stay inside work: what is refused above is refused for its way out", ({ guest }) => {
  for (const name of [
    "file.txt",
    "./file.txt",
    "folder/../file.txt",
    "in-file",
    "in-folder/inner.txt",
    "folder//inner.txt",
  ]) {
    const fd = guest.open(WRITABLE, name);
    assert.equal(guest.read(fd), INSIDE, name);
  }
  assert.equal(open(guest, WRITABLE, "in-new", { openFlags: OpenFlag.CREATE }), "SUCCESS");
  assert.equal(open(guest, WRITABLE, "folder/../.", { rights: 0n }), "SUCCESS");
});

// Symlinks that the guest plants.
escape("a guest's symlink to outside is not followed", ({ guest }) => {
  assert.equal(guest.symlink("../secret.txt", WRITABLE, "mine"), Errno.SUCCESS);
  assert.equal(guest.symlink("../../outside", WRITABLE, "folder/mine"), Errno.SUCCESS);

  assert.deepEqual(outcomes(FOLLOWING, guest, "mine"), all(FOLLOWING, "PERM"));
  assert.deepEqual(outcomes(EVERYTHING, guest, "folder/mine/inner.txt"), all(EVERYTHING, "PERM"));
});
escape("a guest plants no absolute symlink", ({ guest, root, volume }) => {
  for (const target of ["/", "/etc/passwd", path.join(root, "secret.txt"), "/proc/self/root", "//x"]) {
    assert.equal(errnoName(guest.symlink(target, WRITABLE, "mine")), "PERM", target);
  }
  assert.equal(existsSync(path.join(volume, "mine")), false);
});
escape("a guest's chain of symlinks to outside is not followed", ({ guest }) => {
  assert.equal(guest.symlink("folder/b", WRITABLE, "a"), Errno.SUCCESS);
  assert.equal(guest.symlink("../c", WRITABLE, "folder/b"), Errno.SUCCESS);
  assert.equal(guest.symlink("./folder/../../outside", WRITABLE, "c"), Errno.SUCCESS);

  assert.deepEqual(outcomes(EVERYTHING, guest, "a/inner.txt"), all(EVERYTHING, "PERM"));
});
escape("a symlink moved to where it leads out is not followed", ({ guest }) => {
  assert.equal(guest.symlink("../../file.txt", WRITABLE, "folder/deep/mine"), Errno.SUCCESS);
  assert.equal(open(guest, WRITABLE, "folder/deep/mine"), "SUCCESS");
  assert.equal(guest.symlink("../secret.txt", WRITABLE, "folder/mine"), Errno.SUCCESS);

  assert.equal(guest.rename(WRITABLE, "folder/mine", WRITABLE, "mine"), Errno.SUCCESS);

  assert.deepEqual(outcomes(FOLLOWING, guest, "mine"), all(FOLLOWING, "PERM"));
});
escape("a symlink seen from a folder opened deeper does not lead above that folder", ({ guest }) => {
  assert.equal(guest.symlink("../file.txt", WRITABLE, "folder/mine"), Errno.SUCCESS);
  const folder = guest.open(WRITABLE, "folder", { rights: ALL_RIGHTS & ~64n });

  assert.equal(open(guest, WRITABLE, "folder/mine"), "SUCCESS");
  assert.equal(open(guest, folder, "mine"), "PERM");
  assert.equal(open(guest, folder, "../file.txt"), "PERM");
});
escape("loops of symlinks end", ({ guest }) => {
  assert.equal(guest.symlink("self", WRITABLE, "self"), Errno.SUCCESS);

  for (const name of ["loop", "self", "loop/x", "self/x"]) {
    assert.equal(open(guest, WRITABLE, name), "LOOP", name);
    assert.equal(stated(guest.stat(WRITABLE, name)), "LOOP", name);
  }
});
escape("chains of more than 40 symlinks end", ({ guest }) => {
  for (let index = 0; index < 60; index++) {
    assert.equal(guest.symlink(index === 0 ? "file.txt" : `s${index - 1}`, WRITABLE, `s${index}`), Errno.SUCCESS);
  }

  assert.equal(open(guest, WRITABLE, "s39"), "SUCCESS");
  assert.equal(open(guest, WRITABLE, "s40"), "LOOP");
  assert.equal(open(guest, WRITABLE, "s59"), "LOOP");
});

// Hard links and renames between volumes.
escape("a file of the read-only volume gets no writable name", ({ guest }) => {
  assert.equal(errnoName(guest.link(READ_ONLY, "file.txt", WRITABLE, "mine")), "ROFS");
  assert.equal(errnoName(guest.link(WRITABLE, "file.txt", READ_ONLY, "mine")), "ROFS");
  assert.equal(errnoName(guest.link(WRITABLE, "out-readonly/file.txt", WRITABLE, "mine")), "PERM");
});
escape("a hard link to a symlink is one more symlink", ({ guest }) => {
  assert.equal(guest.link(WRITABLE, "out-file", WRITABLE, "folder/mine"), Errno.SUCCESS);
  assert.equal(errnoName(guest.link(WRITABLE, "out-file", WRITABLE, "again", { follow: true })), "INVAL");

  assert.equal(guest.readlink(WRITABLE, "folder/mine"), "../secret.txt");
  assert.equal(open(guest, WRITABLE, "folder/mine"), "NOENT");
});
escape("nothing is moved between the volumes", ({ guest }) => {
  assert.equal(errnoName(guest.rename(READ_ONLY, "file.txt", WRITABLE, "mine")), "ROFS");
  assert.equal(errnoName(guest.rename(WRITABLE, "file.txt", READ_ONLY, "file.txt")), "ROFS");
  assert.equal(errnoName(guest.rename(WRITABLE, "file.txt", WRITABLE, "out-readonly/file.txt")), "PERM");
});

// Renames under way.
escape("a folder moved by the guest while open leads nowhere else", ({ guest }) => {
  const deep = guest.open(WRITABLE, "folder/deep", { rights: ALL_RIGHTS & ~64n });
  assert.equal(guest.rename(WRITABLE, "folder/deep", WRITABLE, "moved"), Errno.SUCCESS);

  for (const name of ["..", "../file.txt", "../../secret.txt"]) assert.equal(open(guest, deep, name), "PERM", name);
});
escape("a folder moved out by the host while open does not open the way to its new neighbours", ({ guest, volume }) => {
  const deep = guest.open(WRITABLE, "folder/deep", { rights: ALL_RIGHTS & ~64n });
  renameSync(path.join(volume, "folder"), path.join(volume, "..", "empty-moved"));

  for (const name of ["..", "../inner.txt", "../../secret.txt"]) assert.equal(open(guest, deep, name), "PERM", name);
  renameSync(path.join(volume, "..", "empty-moved"), path.join(volume, "folder"));
});
escape("a folder exchanged for a symlink while open stays what it was", ({ guest, volume, root }) => {
  const folder = guest.open(WRITABLE, "folder", { rights: ALL_RIGHTS & ~64n });
  renameSync(path.join(volume, "folder"), path.join(volume, "aside"));
  symlinkSync(path.join(root, "outside"), path.join(volume, "folder"));

  const fd = guest.open(folder, "inner.txt", { openFlags: OpenFlag.TRUNCATE });
  assert.equal(guest.write(fd, "written"), 7);
  assert.equal(readFileSync(path.join(volume, "aside/inner.txt"), "utf8"), "written");
  assert.equal(open(guest, WRITABLE, "folder/inner.txt"), "PERM");
});
escape("a file exchanged for a symlink while open stays what it was", ({ guest, volume }) => {
  const fd = guest.open(WRITABLE, "file.txt");
  renameSync(path.join(volume, "out-file"), path.join(volume, "file.txt"));

  assert.equal(guest.write(fd, "x"), 1);
  assert.equal(guest.call("fd_filestat_set_times", fd, 0n, 1n, 4), Errno.SUCCESS);
});
escape("the volume itself moved by the host stays the guest's", ({ guest, volume, root }) => {
  renameSync(volume, path.join(root, "moved"));
  try {
    assert.equal(open(guest, WRITABLE, "file.txt"), "SUCCESS");
    assert.equal(open(guest, WRITABLE, "../inner.txt"), "PERM");
    assert.equal(open(guest, WRITABLE, "out-file"), "PERM");
  } finally {
    renameSync(path.join(root, "moved"), volume);
  }
});

// Numbers of descriptors.
escape("no number but the guest's own means anything", (world) => {
  const { guest } = world;
  const own = new Set([0, 1, 2, WRITABLE, READ_ONLY]);
  const numbers = [...Array(300).keys(), world.secretFd, world.outsideFd, -1, -100, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
  for (const fd of numbers.filter((number) => !own.has(number))) {
    assert.equal(errnoName(guest.read(fd) as number), "BADF", `read ${fd}`);
    assert.equal(open(guest, fd, "inner.txt"), "BADF", `open ${fd}`);
    assert.equal(errnoName(guest.call("fd_renumber", fd, 0)), "BADF", `renumber ${fd}`);
    assert.equal(errnoName(guest.call("fd_renumber", 0, fd)), "BADF", `renumber to ${fd}`);
    assert.equal(errnoName(guest.close(fd)), "BADF", `close ${fd}`);
  }
});
escape("a read-only volume stays read-only under another number", ({ guest }) => {
  assert.equal(guest.call("fd_renumber", READ_ONLY, WRITABLE), Errno.SUCCESS);

  assert.equal(open(guest, WRITABLE, "file.txt", { rights: 64n }), "ROFS");
  assert.equal(errnoName(guest.unlink(WRITABLE, "file.txt")), "ROFS");
  assert.equal(open(guest, READ_ONLY, "file.txt"), "BADF");
});
escape("a closed volume is gone, and its number leads to nothing of the host", ({ guest }) => {
  assert.equal(guest.close(WRITABLE), Errno.SUCCESS);

  assert.equal(open(guest, WRITABLE, "file.txt"), "BADF");
  assert.equal(guest.open(READ_ONLY, "file.txt", { rights: 2n }), WRITABLE);
  assert.equal(guest.read(WRITABLE), INSIDE);
});
escape("a folder in the place of a stream is no stream", ({ guest }) => {
  const folder = guest.open(WRITABLE, "folder", { rights: ALL_RIGHTS & ~64n });
  assert.equal(guest.call("fd_renumber", folder, 0), Errno.SUCCESS);
  assert.equal(guest.call("fd_renumber", WRITABLE, 1), Errno.SUCCESS);

  assert.equal(errnoName(guest.read(0) as number), "BADF");
  assert.equal(errnoName(guest.write(1, "x")), "BADF");
  assert.equal(open(guest, 1, "../secret.txt"), "PERM");
});
escape("streams are no folders", ({ guest }) => {
  for (const fd of [0, 1, 2]) assert.equal(open(guest, fd, "file.txt"), "NOTDIR");
});

// Names that are none.
const BAD_NAMES: Readonly<Record<string, readonly [string | Uint8Array, string]>> = {
  "an empty path": ["", "NOENT"],
  "a NUL before the way out": ["file.txt\0/../../secret.txt", "INVAL"],
  "a NUL at the end": ["file.txt\0", "INVAL"],
  "a NUL alone": ["\0", "INVAL"],
  "a path of 4096 bytes": [`${"./".repeat(2044)}file.txt`, "NAMETOOLONG"],
  "a path of 64 KiB": ["../".repeat(21_845), "NAMETOOLONG"],
  "bytes that are not UTF-8": [Uint8Array.of(0xff, 0xfe), "ILSEQ"],
  "an overlong slash": [Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x78), "ILSEQ"],
  "a lone surrogate": [Uint8Array.of(0xed, 0xa0, 0x80), "ILSEQ"],
};
for (const [title, [name, errno]] of Object.entries(BAD_NAMES)) {
  escape(`${title}: every function refuses`, ({ guest }) => {
    assert.deepEqual(outcomes(EVERYTHING, guest, name as string), all(EVERYTHING, errno));
    assert.equal(errnoName(guest.symlink(name, WRITABLE, "mine")), errno);
  });
}
escape("a path outside the memory: every function refuses", ({ guest }) => {
  for (const pointer of [guest.end - 3, guest.end, 2 ** 32 - 4]) {
    const at = [pointer, 4] as const;
    const to = guest.put("x");
    const errnos = {
      open: guest.call("path_open", WRITABLE, 0, ...at, 0, 0n, 0n, 0, 0),
      stat: guest.call("path_filestat_get", WRITABLE, 0, ...at, 0),
      times: guest.call("path_filestat_set_times", WRITABLE, 0, ...at, 0n, 0n, 8),
      mkdir: guest.call("path_create_directory", WRITABLE, ...at),
      rmdir: guest.call("path_remove_directory", WRITABLE, ...at),
      unlink: guest.call("path_unlink_file", WRITABLE, ...at),
      target: guest.call("path_symlink", ...at, WRITABLE, ...to),
      symlink: guest.call("path_symlink", ...to, WRITABLE, ...at),
      readlink: guest.call("path_readlink", WRITABLE, ...at, 0, 8, 0),
      "link from": guest.call("path_link", WRITABLE, 0, ...at, WRITABLE, ...to),
      "link to": guest.call("path_link", WRITABLE, 0, ...to, WRITABLE, ...at),
      "rename from": guest.call("path_rename", WRITABLE, ...at, WRITABLE, ...to),
      "rename to": guest.call("path_rename", WRITABLE, ...to, WRITABLE, ...at),
    };
    assert.deepEqual(errnos, Object.fromEntries(Object.keys(errnos).map((key) => [key, Errno.FAULT])));
  }
});
escape("a name that looks like a way out is a name", ({ guest }) => {
  for (const name of ["...", "..x", ". .", "..\\secret.txt", "%2e%2e", "‥", "~", "-rf", "C:"]) {
    assert.equal(open(guest, WRITABLE, name, { openFlags: OpenFlag.CREATE | OpenFlag.EXCLUSIVE }), "SUCCESS", name);
    assert.equal(guest.unlink(WRITABLE, name), Errno.SUCCESS, name);
  }
});
escape("a name of more than 255 bytes is refused", ({ guest }) => {
  assert.equal(open(guest, WRITABLE, "x".repeat(256), { openFlags: OpenFlag.CREATE }), "NAMETOOLONG");
  assert.equal(errnoName(guest.createDirectory(WRITABLE, "x".repeat(256))), "NAMETOOLONG");
});

// Things that are neither files nor folders.
const AS = { "to read": 2n, "to write": 64n, "to read and write": 66n, "with no right": 0n };
escape("FIFOs neither hold the thread nor are served", ({ guest, volume }) => {
  makeFifo(path.join(volume, "fifo"));

  const errnos = Object.values(AS).map((rights) => open(guest, WRITABLE, "fifo", { rights }));

  assert.deepEqual(errnos, ["NOTSUP", "NXIO", "NOTSUP", "NOTSUP"]);
  assert.equal(open(guest, WRITABLE, "fifo", { openFlags: OpenFlag.CREATE | OpenFlag.TRUNCATE }), "NOTSUP");
});
escape("sockets are not served", async ({ guest, volume }) => {
  const server = createServer().listen(path.join(volume, "socket"));
  await once(server, "listening");
  try {
    assert.deepEqual(
      Object.values(AS).map((rights) => open(guest, WRITABLE, "socket", { rights })),
      ["NXIO", "NXIO", "NXIO", "NXIO"],
    );
  } finally {
    server.close();
    await once(server, "close");
  }
});
if (process.getuid?.() === 0) {
  escape("devices are not served", ({ guest, volume }) => {
    makeZeroDevice(path.join(volume, "zero"));

    const errnos = Object.values(AS).map((rights) => open(guest, WRITABLE, "zero", { rights }));

    assert.deepEqual(errnos, ["NOTSUP", "NOTSUP", "NOTSUP", "NOTSUP"]);
  });
}

// Read-only volumes.
escape("a read-only volume refuses every change", ({ guest }) => {
  const errnos = {
    write: open(guest, READ_ONLY, "file.txt", { rights: 64n }),
    cut: open(guest, READ_ONLY, "file.txt", { rights: 2n, openFlags: OpenFlag.TRUNCATE }),
    create: open(guest, READ_ONLY, "new", { rights: 2n, openFlags: OpenFlag.CREATE }),
    "create exclusively": open(guest, READ_ONLY, "new", {
      rights: 2n,
      openFlags: OpenFlag.CREATE | OpenFlag.EXCLUSIVE,
    }),
    "create deeper": open(guest, READ_ONLY, "folder/new", { rights: 2n, openFlags: OpenFlag.CREATE }),
    times: errnoName(guest.setTimes(READ_ONLY, "file.txt")),
    "create a folder": errnoName(guest.createDirectory(READ_ONLY, "new")),
    "remove a folder": errnoName(guest.removeDirectory(READ_ONLY, "folder")),
    unlink: errnoName(guest.unlink(READ_ONLY, "file.txt")),
    symlink: errnoName(guest.symlink("file.txt", READ_ONLY, "new")),
    link: errnoName(guest.link(READ_ONLY, "file.txt", READ_ONLY, "new")),
    rename: errnoName(guest.rename(READ_ONLY, "file.txt", READ_ONLY, "new")),
    "folder's times": errnoName(guest.call("fd_filestat_set_times", READ_ONLY, 0n, 1n, 4)),
  };

  assert.deepEqual(errnos, all(errnos, "ROFS"));
});
escape("a file opened on a read-only volume cannot be changed through its descriptor", ({ guest }) => {
  const fd = guest.open(READ_ONLY, "file.txt", { rights: ALL_RIGHTS & ~64n });
  const size = guest.room(4);

  assert.equal(guest.read(fd), INSIDE);
  assert.equal(errnoName(guest.write(fd, "x")), "NOTCAPABLE");
  assert.equal(errnoName(guest.call("fd_pwrite", fd, ...guest.iovecs(guest.put("x")), 0n, size)), "NOTCAPABLE");
  assert.equal(errnoName(guest.call("fd_filestat_set_size", fd, 0n)), "NOTCAPABLE");
  assert.equal(errnoName(guest.call("fd_filestat_set_times", fd, 0n, 1n, 4)), "ROFS");
  assert.equal(errnoName(guest.call("fd_fdstat_set_rights", fd, 64n, 0n)), "NOTCAPABLE");
});
escape("a folder opened on a read-only volume is read-only", ({ guest }) => {
  const folder = guest.open(READ_ONLY, "folder", { rights: ALL_RIGHTS & ~64n });

  assert.equal(open(guest, folder, "inner.txt", { rights: 64n }), "ROFS");
  assert.equal(open(guest, folder, "new", { rights: 2n, openFlags: OpenFlag.CREATE }), "ROFS");
  assert.equal(errnoName(guest.unlink(folder, "inner.txt")), "ROFS");
  assert.equal(errnoName(guest.rename(folder, "inner.txt", WRITABLE, "mine")), "ROFS");
  assert.equal(errnoName(guest.link(folder, "inner.txt", WRITABLE, "mine")), "ROFS");
});
escape("a symlink on a read-only volume does not lead to the writable one", ({ guest }) => {
  assert.equal(open(guest, READ_ONLY, "to-volume/file.txt", { rights: 2n }), "PERM");
  assert.equal(stated(guest.stat(READ_ONLY, "to-volume")), "PERM");
});

// What the host tells of outside.
escape("a listing tells nothing of the folder above", ({ guest, root }) => {
  const above = statSync(root, { bigint: true }).ino;
  const entries = guest.list(WRITABLE);

  assert.ok(Array.isArray(entries));
  assert.equal(entries.find(({ name }) => name === "..")?.inode, entries.find(({ name }) => name === ".")?.inode);
  assert.equal(
    entries.some(({ inode }) => inode === above),
    false,
  );
});
escape("a symlink's own stat tells nothing of its target", ({ guest }) => {
  const stat = guest.stat(WRITABLE, "out-file", { follow: false });

  assert.ok(typeof stat !== "number");
  assert.equal(stat.type, SYMBOLIC_LINK);
  assert.equal(stat.size, BigInt("../secret.txt".length));
});

for (const [way, openBeneath] of Object.entries(WAYS)) {
  test(`magic links of /proc are not followed even where /proc is the volume (${way})`, () => {
    const fds = [openSync("/proc/self", constants.O_RDONLY), openSync(import.meta.dirname, constants.O_RDONLY)];
    const [proc = -1, outside = -1] = fds;
    using guest = new FileGuest({ openBeneath, preopens: [{ guestPath: "/proc", fd: proc, readOnly: true }] });
    try {
      for (const name of ["root", "root/etc/passwd", "cwd", "cwd/package.json", `fd/${outside}`, "exe", "ns/net"]) {
        const fd = guest.open(WRITABLE, name, { rights: 2n });
        assert.ok(fd === -Errno.PERM || fd === -Errno.LOOP || fd === -Errno.NOENT, `${name}: ${errnoName(fd)}`);
      }
      assert.ok(guest.open(WRITABLE, "status", { rights: 2n }) > WRITABLE);
    } finally {
      for (const fd of fds) closeSync(fd);
    }
  });
}
