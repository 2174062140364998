import { constants, openSync, statSync } from "node:fs";
import path from "node:path";
import { openLibc } from "../../base/index.ts";
import { CODE_FD, type Identity, type LaunchPlan } from "./plan.ts";
import { moveDescriptor } from "./restrict.ts";

/** As whom the shim runs and by which paths it finds Node and its code. */
export interface Access {
  /** Undefined: as this process does. */
  readonly identity?: Identity;
  readonly node: string;
  readonly codeRoot: string;
  /** Highest descriptor that the shim inherits beyond its two sockets, when its code is reached through one. */
  readonly codeFd?: number;
  readonly warnings: readonly string[];
}

const O_PATH = 0o10000000;
const R_OK = 4;
const X_OK = 1;

const libc = openLibc({ eaccess: { arguments: ["string", "int32"], return: "int32" } });

/**
 * Finds an identity that can read the shim's code. An ordinary user can often not enter the folder above it (a checkout below
 * /root): then the code is reached through an opened descriptor, whose path starts below that folder. Where the files themselves
 * are closed to others (umask 077) the shim runs as the owner of the code, or, when that is root, as root without any capability;
 * both with a warning. Needs root and empty supplementary groups.
 */
export function chooseAccess(plan: LaunchPlan, wanted: Identity): Access {
  const codeFd = openSync(plan.codeRoot, O_PATH | constants.O_DIRECTORY);
  const nodeFd = openSync(plan.node, O_PATH);
  const byPath: Access = { node: plan.node, codeRoot: plan.codeRoot, warnings: [] };
  const byDescriptor: Access = {
    node: `/proc/self/fd/${nodeFd}`,
    codeRoot: `/proc/self/fd/${CODE_FD}`,
    codeFd: CODE_FD,
    warnings: [],
  };
  const owner = ownerOf(path.join(plan.codeRoot, plan.entry));
  const isReadable = (access: Access, identity: Identity) =>
    actAs(identity, () => canRun(access.node, path.join(access.codeRoot, plan.entry)));
  moveDescriptor(codeFd, CODE_FD);
  if (isReadable(byPath, wanted)) return { ...byPath, identity: wanted };
  if (isReadable(byDescriptor, wanted)) return { ...byDescriptor, identity: wanted };
  const why = `user ${wanted.uid} cannot read ${plan.codeRoot}; make it readable for others (chmod -R o+rX)`;
  if (owner.uid !== 0 && isReadable(byDescriptor, owner)) {
    return { ...byDescriptor, identity: owner, warnings: [`The shim runs as user ${owner.uid}: ${why}`] };
  }
  return { ...byPath, warnings: [`The shim runs as root, though without capabilities: ${why}`] };
}

function ownerOf(file: string): Identity {
  const { uid, gid } = statSync(file);
  return { uid, gid };
}

function canRun(node: string, entry: string): boolean {
  return libc.eaccess(node, X_OK) === 0 && libc.eaccess(entry, R_OK) === 0;
}

/** Runs `probe` with the effective ids of an identity. Answers false when they cannot be taken. */
function actAs({ uid, gid }: Identity, probe: () => boolean): boolean {
  const { setegid, seteuid } = process;
  if (!setegid || !seteuid) return false;
  try {
    setegid(gid);
    seteuid(uid);
    return probe();
  } catch {
    return false;
  } finally {
    seteuid(0);
    setegid(0);
  }
}
