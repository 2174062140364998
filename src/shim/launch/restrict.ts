import { errno, openLibc } from "../../base/index.ts";
import type { Identity } from "./plan.ts";

/**
 * Raw calls that restrict this process before it becomes the shim. Several hold for the calling thread only: they count because
 * `execve` follows on the same thread, and a process keeps the calling thread's credentials.
 */
const libc = openLibc({
  getrlimit: { arguments: ["int32", "buffer"], return: "int32" },
  setrlimit: { arguments: ["int32", "buffer"], return: "int32" },
  prctl: { arguments: ["int32", "uint64", "uint64", "uint64", "uint64"], return: "int32" },
  capset: { arguments: ["buffer", "buffer"], return: "int32" },
  setgroups: { arguments: ["uint64", "pointer"], return: "int32" },
  setresgid: { arguments: ["uint32", "uint32", "uint32"], return: "int32" },
  setresuid: { arguments: ["uint32", "uint32", "uint32"], return: "int32" },
  syscall: { arguments: ["int64", "uint64", "uint64", "uint64"], return: "int64" },
  fcntl: { arguments: ["int32", "int32", "int64"], return: "int32" },
  dup2: { arguments: ["int32", "int32"], return: "int32" },
});

const RLIMIT = { fsize: 1, core: 4, nproc: 6, nofile: 7, memlock: 8, msgqueue: 12 } as const;

/** A limit of the kernel on the shim; each is lowered to the hard limit that holds already. */
interface ProcessLimit {
  readonly resource: keyof typeof RLIMIT;
  readonly value: bigint;
  /** Counted per uid over all processes, so only for a uid that serves nobody else. */
  readonly ownUidOnly?: true;
}

const LIMITS: readonly ProcessLimit[] = [
  // A core file would hold every guest's memory.
  { resource: "core", value: 0n },
  // Connections, mounts and open files of guests; each caps its own share.
  { resource: "nofile", value: 65_536n },
  // One file of a writable volume, or a guest's largest memory snapshot (4 GiB).
  { resource: "fsize", value: 4n << 30n },
  { resource: "memlock", value: 0n },
  { resource: "msgqueue", value: 0n },
  // Threads of workers and commands. No guest can start a process; this is for native code that broke out.
  { resource: "nproc", value: 4096n, ownUidOnly: true },
];

/** Sets the limits of the process. */
export function limitProcess(hasOwnUid: boolean): void {
  for (const { resource, value, ownUidOnly } of LIMITS) {
    if (ownUidOnly && !hasOwnUid) continue;
    const limit = Buffer.alloc(16);
    must("getrlimit", libc.getrlimit(RLIMIT[resource], limit));
    const hard = limit.readBigUInt64LE(8);
    const lowered = value < hard ? value : hard;
    limit.writeBigUInt64LE(lowered, 0);
    limit.writeBigUInt64LE(lowered, 8);
    must(`setrlimit ${resource}`, libc.setrlimit(RLIMIT[resource], limit));
  }
}

const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4n;
const HIGHEST_CAPABILITY = 63;

/** Empties the bounding and ambient sets, as far as this process may: without CAP_SETPCAP they have no effect under no_new_privs. */
export function dropBoundingSet(): void {
  libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0n, 0n, 0n);
  for (let capability = 0; capability <= HIGHEST_CAPABILITY; capability += 1) {
    libc.prctl(PR_CAPBSET_DROP, BigInt(capability), 0n, 0n, 0n);
  }
}

/** Leaves every supplementary group; false when that is not allowed. */
export function dropGroups(): boolean {
  return libc.setgroups(0n, 0n) === 0;
}

/** Changes real, effective and saved ids for good. */
export function becomeIdentity({ uid, gid }: Identity): void {
  must("setresgid", libc.setresgid(gid, gid, gid));
  must("setresuid", libc.setresuid(uid, uid, uid));
}

const CAPABILITY_VERSION_3 = 0x20080522;

/** Gives up every capability. */
export function clearCapabilities(): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  must("capset", libc.capset(header, Buffer.alloc(24)));
}

/** From now on no program that is executed gives more rights. Cannot be undone. */
export function forbidNewPrivileges(): void {
  must("prctl(PR_SET_NO_NEW_PRIVS)", libc.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n));
}

const SYS_CLOSE_RANGE = 436n;
const CLOSE_RANGE_CLOEXEC = 4n;
const F_SETFD = 2;

/** Of all descriptors only the standard streams and 3 to `last` survive `execve`. Node itself marks only those below the first gap. */
export function keepDescriptors(last: number): void {
  must("close_range", libc.syscall(SYS_CLOSE_RANGE, BigInt(last + 1), 0xffff_ffffn, CLOSE_RANGE_CLOEXEC));
  for (let fd = 3; fd <= last; fd += 1) must("fcntl", libc.fcntl(fd, F_SETFD, 0n));
}

/** Gives an open descriptor the number `to`. */
export function moveDescriptor(from: number, to: number): void {
  if (libc.dup2(from, to) !== to) must("dup2", -1);
}

function must(call: string, answer: number | bigint): void {
  if (Number(answer) !== 0) throw new Error(`Cannot restrict the shim: ${call} failed with errno ${errno()}`);
}
