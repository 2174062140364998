// Two volumes of a guest with a secret beside them, and what must hold whatever the guest tries.
import assert from "node:assert/strict";
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Clock, systemClock } from "../../src/base/index.ts";
import { FileGuest } from "../../src/wasi/testing/files.ts";
import type { OpenBeneath } from "../../src/wasi/files/index.ts";

/** Content of every file beside the volumes. */
const SECRET = "what-no-guest-may-read";
/** Content of every file in the volumes. */
export const INSIDE = "of the guest";

/** Numbers of the guest's preopens. */
export const WRITABLE = 3;
export const READ_ONLY = 4;

export interface World extends Disposable {
  readonly root: string;
  readonly volume: string;
  readonly guest: FileGuest;
  /** Descriptors of this process that lead outside, for symlinks to /proc/self/fd. */
  readonly outsideFd: number;
  readonly secretFd: number;
  /** Fails when something outside the writable volume changed, or a secret is in the guest's memory. */
  verify(): void;
}

/**
 * `root/volume` is the guest's to write, `root/readonly` to read. Beside them lie `root/secret.txt`, `root/outside/inner.txt` and the
 * empty `root/empty`. The volume holds `file.txt`, `folder/inner.txt`, `folder/deep/` and symlinks: `in-*` stay inside, the others
 * lead out.
 */
export function createWorld(openBeneath: OpenBeneath, { clock = systemClock }: { readonly clock?: Clock } = {}): World {
  const root = mkdtempSync(path.join(tmpdir(), "wasipool-escape-"));
  const volume = path.join(root, "volume");
  mkdirSync(path.join(volume, "folder/deep"), { recursive: true });
  for (const folder of ["readonly/folder", "outside", "empty"]) {
    mkdirSync(path.join(root, folder), { recursive: true });
  }
  for (const file of ["volume/file.txt", "volume/folder/inner.txt", "readonly/file.txt", "readonly/folder/inner.txt"]) {
    writeFileSync(path.join(root, file), INSIDE);
  }
  for (const file of ["secret.txt", "outside/inner.txt"]) writeFileSync(path.join(root, file), SECRET);
  const outsideFd = openSync(path.join(root, "outside"), constants.O_RDONLY);
  const secretFd = openSync(path.join(root, "secret.txt"), constants.O_RDONLY);
  const links = linksOut(root, outsideFd, secretFd);
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(volume, name));
  symlinkSync("../volume", path.join(root, "readonly/to-volume"));
  const fds = ["volume", "readonly"].map((folder) => openSync(path.join(root, folder), constants.O_RDONLY));
  const [writable = -1, readOnly = -1] = fds;
  const guest = new FileGuest({
    openBeneath,
    clock,
    preopens: [
      { guestPath: "/data", fd: writable, readOnly: false },
      { guestPath: "/config", fd: readOnly, readOnly: true },
    ],
  });
  const before = outsideOf(root);
  return {
    root,
    volume,
    guest,
    outsideFd,
    secretFd,
    verify() {
      assert.deepEqual(outsideOf(root), before, "something outside the writable volume changed");
      assert.equal(guest.bytes.indexOf(SECRET), -1, "a secret is in the guest's memory");
    },
    [Symbol.dispose]() {
      guest[Symbol.dispose]();
      for (const fd of [...fds, outsideFd, secretFd]) closeSync(fd);
      rmSync(root, { recursive: true });
    },
  };
}

function linksOut(root: string, outsideFd: number, secretFd: number): Readonly<Record<string, string>> {
  return {
    "in-file": "folder/inner.txt",
    "in-folder": "folder/deep/..",
    "in-new": "folder/new.txt",
    "out-file": "../secret.txt",
    "out-folder": "../outside",
    "out-empty": "../empty",
    "out-new": "../new.txt",
    "out-readonly": "../readonly",
    "abs-file": path.join(root, "secret.txt"),
    "abs-folder": path.join(root, "outside"),
    "abs-new": path.join(root, "new.txt"),
    "abs-self": path.join(root, "volume"),
    chain: "chain-2",
    "chain-2": "folder/deep/../../out-folder",
    "chain-file": "chain/inner.txt",
    up: "..",
    "folder/up": "../..",
    winding: "folder/../../outside",
    slashed: "../outside/",
    loop: "loop-2",
    "loop-2": "loop",
    "proc-root": "/proc/self/root",
    "proc-cwd": "/proc/self/cwd",
    "proc-folder": `/proc/self/fd/${outsideFd}`,
    "proc-file": `/proc/self/fd/${secretFd}`,
    "proc-thread": `/proc/thread-self/fd/${secretFd}`,
  };
}

/** All that the guest must not change: names, kinds, owners, times and contents of everything but the writable volume's inside. */
function outsideOf(root: string): readonly unknown[] {
  const names = readdirSync(root).toSorted();
  return [names, ...names.filter((name) => name !== "volume").flatMap((name) => describe(path.join(root, name)))];
}

function describe(file: string): readonly unknown[] {
  const { ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs } = lstatSync(file, { bigint: true });
  const own = { file, ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs };
  switch (Number(mode) & constants.S_IFMT) {
    case constants.S_IFDIR:
      return [own, ...readdirSync(file).flatMap((name) => describe(path.join(file, name)))];
    case constants.S_IFLNK:
      return [own, readlinkSync(file)];
    default:
      return [own, readFileSync(file, "utf8")];
  }
}
