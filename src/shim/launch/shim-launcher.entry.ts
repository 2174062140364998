/**
 * First stage of a shim: everything that must hold for all of its threads, and so must be done before the program that runs them
 * starts (Node has seven threads before the first line of JavaScript). Replaces itself by the shim; the process id stays.
 */
import path from "node:path";
import { type Access, chooseAccess } from "./code-access.ts";
import type { LaunchPlan, LaunchResult } from "./plan.ts";
import { PACKETS_FD } from "./plan.ts";
import {
  becomeIdentity,
  clearCapabilities,
  dropBoundingSet,
  dropGroups,
  forbidNewPrivileges,
  keepDescriptors,
  limitProcess,
} from "./restrict.ts";

const plan = JSON.parse(process.argv[2] ?? "") as LaunchPlan;
process.umask(0o077);
process.chdir("/");
// Here: own namespaces and an own root, with Node, its libraries and the shim's files only.
const access = accessFor(plan);
limitProcess(access.identity !== undefined);
dropBoundingSet();
if (access.identity) becomeIdentity(access.identity);
clearCapabilities();
forbidNewPrivileges();
// Here: Landlock, then the first seccomp filter (which must also refuse io_uring_setup, see the rings libuv makes at start).
keepDescriptors(access.codeFd ?? PACKETS_FD);
const result: LaunchResult = { workers: plan.workers, settings: plan.settings, warnings: access.warnings };
const entry = path.join(access.codeRoot, plan.entry);
if (!process.execve) throw new Error("This Node has no process.execve; the shim needs Node 26");
process.execve(access.node, [plan.node, ...flags(access), entry, JSON.stringify(result)], {});

/** Only root can change its identity; anybody else's shim runs as its user does. */
function accessFor({ identity, node, codeRoot }: LaunchPlan): Access {
  const asIs: Access = { node, codeRoot, warnings: [] };
  if (!identity || process.geteuid?.() !== 0) return asIs;
  if (dropGroups()) return chooseAccess(plan, identity);
  return {
    ...asIs,
    warnings: ["The shim runs as root, though without capabilities: this process may not change its user"],
  };
}

/** Through a descriptor paths must stay as they are: resolving them would lead back to the folder that cannot be entered. */
function flags({ codeFd }: Access): readonly string[] {
  return codeFd === undefined ? plan.flags : [...plan.flags, "--preserve-symlinks", "--preserve-symlinks-main"];
}
