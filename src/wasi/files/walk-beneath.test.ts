import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  openSync,
  readdirSync,
  closeSync,
  constants,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { FileStat } from "./file-stat.ts";
import { sys } from "./libc.ts";
import { LinuxError, Open } from "./linux.ts";
import { kernelDecides, openBeneath, type OpenBeneath } from "./open-beneath.ts";
import { walkBeneath } from "./walk-beneath.ts";

let root = "";
let dirFd = -1;
let planted: ReadonlySet<string> = new Set();

before(() => {
  root = mkdtempSync(path.join(tmpdir(), "wasipool-walk-"));
  mkdirSync(path.join(root, "top/a/b/c"), { recursive: true });
  mkdirSync(path.join(root, "outside"));
  for (const name of ["top/f", "top/a/f", "top/a/b/f", "outside/f"]) writeFileSync(path.join(root, name), name);
  const links = {
    l: "a",
    "a/l": "b/c",
    "a/f2": "./b/f",
    "a/up": "..",
    "a/b/up": "../..",
    out: "..",
    "a/out": "../../outside",
    abs: "/etc",
    here: ".",
    slash: "a/",
    dot: "a/.",
    loop: "loop",
    gone: "nothing",
    file: "f",
    "file-slash": "f/",
    long: `${"a/../".repeat(200)}a`,
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, path.join(root, "top", name));
  planted = new Set(filesBelow(root));
  dirFd = openSync(path.join(root, "top"), constants.O_RDONLY);
});

after(() => {
  closeSync(dirFd);
  rmSync(root, { recursive: true });
});

/** Everything below a folder, symlinks not followed. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = path.join(folder, entry.name);
    return entry.isDirectory() ? [place, ...filesBelow(place)] : [place];
  });
}

/** What an opening comes to: the error, or which file it is. */
function outcome(open: OpenBeneath, name: string, flags: number): string {
  const fd = open(dirFd, Buffer.from(`${name}\0`), flags, 0o666);
  if (fd < 0) return `error ${-fd}`;
  const stat = new FileStat();
  assert.equal(stat.ofDescriptor(fd), 0);
  assert.match(readlinkSync(`/proc/self/fd/${fd}`), new RegExp(`^${root}/top`));
  sys.close(fd);
  return `${stat.target} ${stat.inode}`;
}

const NAMES = "a b c f l f2 up out abs here slash dot loop gone file file-slash long missing . ..".split(" ");
const component = fc.constantFrom(...NAMES, "");
const anyPath = fc.array(component, { minLength: 1, maxLength: 7 }).map((parts) => parts.join("/") || ".");
const looks = fc.constantFrom(
  Open.READ_ONLY,
  Open.PATH,
  Open.PATH | Open.NO_FOLLOW,
  Open.PATH | Open.DIRECTORY,
  Open.READ_ONLY | Open.NO_FOLLOW,
  Open.READ_ONLY | Open.DIRECTORY,
  Open.READ_ONLY | Open.DIRECTORY | Open.NO_FOLLOW,
  Open.READ_WRITE,
);

test("walkBeneath() comes to what the kernel comes to, whatever the path", () => {
  fc.assert(
    fc.property(anyPath, looks, (name, flags) => {
      assert.equal(outcome(walkBeneath, name, flags), outcome(kernelDecides, name, flags));
    }),
    { numRuns: 5000 },
  );
});

/** What an opening that may create comes to: the error or the kind, and which new files are there; they are removed again. */
function made(open: OpenBeneath, name: string, flags: number): readonly string[] {
  const come = outcome(open, name, flags);
  const found = filesBelow(root).filter((file) => !planted.has(file));
  for (const file of found) rmSync(file);
  return [come.startsWith("error") ? come : "opened", ...found];
}

test("walkBeneath() creates only where the kernel would, whatever the path", () => {
  const creating = fc.constantFrom(
    Open.READ_WRITE | Open.CREATE | Open.EXCLUSIVE,
    Open.WRITE_ONLY | Open.CREATE,
    Open.WRITE_ONLY | Open.CREATE | Open.NO_FOLLOW,
  );
  fc.assert(
    fc.property(anyPath, creating, (name, flags) => {
      assert.deepEqual(made(walkBeneath, name, flags), made(kernelDecides, name, flags));
    }),
    { numRuns: 3000 },
  );
});

test("walkBeneath() answers NOENT for an empty path", () => {
  assert.equal(walkBeneath(dirFd, Buffer.from("\0"), Open.READ_ONLY, 0), -LinuxError.NOENT);
});

test("walkBeneath() goes 256 folders deep and no deeper", () => {
  const deep = path.join(root, "top/deep");
  mkdirSync(path.join(deep, "d/".repeat(300)), { recursive: true });
  try {
    const at = (depth: number) => outcome(walkBeneath, `deep/${"d/".repeat(depth)}d`, Open.PATH);
    assert.match(at(255), /^directory /);
    assert.equal(at(256), `error ${LinuxError.NAMETOOLONG}`);
    assert.match(outcome(walkBeneath, `deep/${"d/../".repeat(700)}d`, Open.PATH), /^directory /);
  } finally {
    rmSync(deep, { recursive: true });
  }
});

test("walkBeneath() goes through 4096 components and no more, whatever symlinks make of a path", () => {
  const winding = (names: number) => outcome(walkBeneath, `${"long/../".repeat(names)}f`, Open.PATH);
  // Each: itself, the 401 components it stands for, and `..`.
  assert.match(winding(10), /^file /);
  assert.equal(winding(11), `error ${LinuxError.LOOP}`);
});

test("walkBeneath() answers what the system says of its first folder", () => {
  assert.equal(walkBeneath(-1, Buffer.from("f\0"), Open.READ_ONLY, 0), -9);
});

test("openBeneath() is the kernel's way where there is one", () => {
  assert.equal(outcome(openBeneath, "a/f", Open.READ_ONLY), outcome(kernelDecides, "a/f", Open.READ_ONLY));
  assert.equal(outcome(openBeneath, "out/outside/f", Open.READ_ONLY), `error ${LinuxError.XDEV}`);
});
