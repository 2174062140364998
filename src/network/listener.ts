import { closeSync } from "node:fs";
import { errno, openLibc } from "../base/index.ts";
import type { ListenAddress } from "./address.ts";
import { bindError } from "./bind-error.ts";
import { AF_INET6, decodeSocketAddress, emptySocketAddress, encodeSocketAddress, familyOf } from "./socket-address.ts";

/** A bound, listening TCP socket. The owner closes it; duplicates of the descriptor go on listening. */
export interface Listener {
  readonly fd: number;
  /** As bound: with the port that the kernel chose for port 0. */
  readonly address: ListenAddress;
  /** Idempotent. */
  close(): void;
}

/** Connections the kernel keeps for us while a worker is busy or a shim is replaced; capped by net.core.somaxconn (4096). */
export const LISTEN_BACKLOG = 4096;

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const libc = openLibc({
  socket: { arguments: ["int32", "int32", "int32"], return: "int32" },
  setsockopt: { arguments: ["int32", "int32", "int32", "buffer", "uint32"], return: "int32" },
  bind: { arguments: ["int32", "buffer", "uint32"], return: "int32" },
  listen: { arguments: ["int32", "int32"], return: "int32" },
  getsockname: { arguments: ["int32", "buffer", "buffer"], return: "int32" },
});

/**
 * Binds and listens at once, without SO_REUSEPORT: a second socket on the address fails with `AddressInUseError`, never shares it.
 * `[::]` also takes IPv4 (dual stack), whatever net.ipv6.bindv6only says, as the servers it replaces do; so it excludes
 * 0.0.0.0 on the same port. Throws `BindError`.
 */
export function bindListener(address: ListenAddress): Listener {
  const family = familyOf(address.host);
  const fd = Number(libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd < 0) throw bindError("socket", errno(), address);
  try {
    const check = (call: string, answer: number | bigint) => {
      if (answer !== 0) throw bindError(call, errno(), address);
    };
    check("setsockopt", setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    if (family === AF_INET6) check("setsockopt", setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    const name = encodeSocketAddress(address);
    check("bind", libc.bind(fd, name, name.length));
    check("listen", libc.listen(fd, LISTEN_BACKLOG));
    return listenerOf(fd, { ...address, port: boundPort(fd) });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The port a socket is bound to. */
export function boundPort(fd: number): number {
  const name = emptySocketAddress();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(name.length);
  if (libc.getsockname(fd, name, length) !== 0) {
    throw new Error(`Cannot read the port of descriptor ${fd}: getsockname failed with errno ${errno()}`);
  }
  return decodeSocketAddress(name).port;
}

function listenerOf(fd: number, address: ListenAddress): Listener {
  let isOpen = true;
  return {
    fd,
    address,
    close() {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}

function setOption(fd: number, level: number, option: number, value: number): number | bigint {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return libc.setsockopt(fd, level, option, bytes, bytes.length);
}
