import { isIPv6 } from "node:net";
import { openLibc } from "../base/index.ts";
import type { ListenAddress } from "./address.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;
/** Size of `struct sockaddr_in6`, the larger of the two. */
const MAX_BYTES = 28;
const TEXT_BYTES = 46;

const libc = openLibc({
  inet_pton: { arguments: ["int32", "string", "buffer"], return: "int32" },
  inet_ntop: { arguments: ["int32", "buffer", "buffer", "uint32"], return: "pointer" },
});

export function familyOf(host: string): number {
  return isIPv6(host) ? AF_INET6 : AF_INET;
}

/** `struct sockaddr_in` or `sockaddr_in6` (Linux, little-endian host): family, port in network order, address. */
export function encodeSocketAddress({ host, port }: ListenAddress): Buffer {
  const family = familyOf(host);
  const bytes = Buffer.alloc(family === AF_INET6 ? MAX_BYTES : 16);
  bytes.writeUInt16LE(family, 0);
  bytes.writeUInt16BE(port, 2);
  if (libc.inet_pton(family, host, bytes.subarray(addressOffset(family))) !== 1) {
    throw new TypeError(`${JSON.stringify(host)} is no IP address`);
  }
  return bytes;
}

export function decodeSocketAddress(bytes: Buffer): ListenAddress {
  const family = bytes.readUInt16LE(0);
  if (family !== AF_INET && family !== AF_INET6) throw new TypeError(`Socket address of unknown family ${family}`);
  const text = Buffer.alloc(TEXT_BYTES);
  libc.inet_ntop(family, bytes.subarray(addressOffset(family)), text, TEXT_BYTES);
  return { host: text.toString("latin1", 0, text.indexOf(0)), port: bytes.readUInt16BE(2) };
}

/** An empty buffer that holds a socket address of either family. */
export function emptySocketAddress(): Buffer {
  return Buffer.alloc(MAX_BYTES);
}

function addressOffset(family: number): number {
  return family === AF_INET6 ? 8 : 4;
}
