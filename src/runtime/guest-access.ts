import { closeSync, constants } from "node:fs";
import { geteuid } from "node:process";
import { openLibc } from "../base/index.ts";

/** Who guests run as: the shim's uid and gid. */
export interface GuestIdentity {
  readonly uid: number;
  readonly gid: number;
}

/** What a shim process runs as when root starts it, unless it is told otherwise. */
export const DEFAULT_GUEST_IDENTITY: GuestIdentity = { uid: 65_534, gid: 65_534 };

// Not in node:fs; the same number on x86-64 and arm64.
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const ROOT = 0;

const libc = openLibc({
  openat: { arguments: ["int32", "string", "int32"], return: "int32" },
  setfsuid: { arguments: ["uint32"], return: "int32" },
  setfsgid: { arguments: ["uint32"], return: "int32" },
});

/**
 * Whether guests can reach what lies in an opened folder. The kernel is asked, so that access lists count: root asks it as the
 * guests' user, with the identity of this thread for file access alone, put back before anything else runs; others run guests
 * as themselves.
 */
export function canGuestsEnter(fd: number, { uid, gid }: GuestIdentity): boolean {
  if (geteuid?.() !== ROOT) return canEnter(fd);
  libc.setfsgid(gid);
  libc.setfsuid(uid);
  try {
    return canEnter(fd);
  } finally {
    libc.setfsuid(ROOT);
    libc.setfsgid(ROOT);
  }
}

/** Looking up any name in a folder, also its own, takes the right to search it. */
function canEnter(folder: number): boolean {
  const fd = Number(libc.openat(folder, ".", O_PATH | constants.O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return false;
  closeSync(fd);
  return true;
}
