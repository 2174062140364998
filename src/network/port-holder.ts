import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process that listens on a port. */
export interface PortHolder {
  readonly pid: number;
  /** Its name as `ps` shows it; it chose it itself. */
  readonly name: string;
}

/** Descriptors looked at before giving up; a node may have hundreds of thousands, and the answer only serves a message. */
const MAX_DESCRIPTORS = 50_000;
const LISTENING = "0A";

/**
 * Finds a process that listens on a TCP port of this network namespace, for error messages. Undefined when there is none whose
 * descriptors this process may see (other users' are hidden from all but root).
 */
export function findPortHolder(port: number): PortHolder | undefined {
  const sockets = new Set(["tcp", "tcp6"].flatMap((table) => listeningInodes(table, port)));
  if (sockets.size === 0) return undefined;
  let seen = 0;
  for (const pid of namesIn("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      if (++seen > MAX_DESCRIPTORS) return undefined;
      const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`)) ?? [];
      if (inode !== undefined && sockets.has(inode)) return { pid: Number(pid), name: nameOf(pid) };
    }
  }
  return undefined;
}

/** `sl local_address rem_address st … inode`, addresses as hexadecimal `address:port` (proc_net_tcp.rst of Linux). */
function listeningInodes(table: string, port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return textOf(`/proc/net/${table}`)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = "", , state]) => state === LISTENING && local.endsWith(suffix))
    .flatMap((fields) => fields[9] ?? []);
}

function nameOf(pid: string): string {
  return textOf(`/proc/${pid}/comm`)
    .trim()
    .replaceAll(/[^\x20-\x7e]/g, "?");
}

// Processes end while one looks, and those of others are closed: what cannot be read is as good as not there.

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
