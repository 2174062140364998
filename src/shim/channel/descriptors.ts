import { closeSync } from "node:fs";
import { getSystemErrorName } from "node:util";
import { addressOf, errno, openLibc } from "../../base/index.ts";
import { ProtocolError } from "./protocol-error.ts";
import { MAX_DESCRIPTORS } from "./request-shape.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_DUPFD_CLOEXEC = 1030;
const EAGAIN = 11;
const ETOOMANYREFS = 109;
/** `struct cmsghdr` on 64-bit Linux: length, level, type. */
const CMSG_HEADER_BYTES = 16;
const MSGHDR_BYTES = 56;
const ID_BYTES = 8;

const libc = openLibc({
  socketpair: { arguments: ["int32", "int32", "int32", "buffer"], return: "int32" },
  sendmsg: { arguments: ["int32", "buffer", "int32"], return: "int64" },
  recvmsg: { arguments: ["int32", "buffer", "int32"], return: "int64" },
  fcntl: { arguments: ["int32", "int32", "int64"], return: "int32" },
});

/** Two connected Unix sockets, closed on exec: `stream` for frames, `packets` for descriptors. The caller closes both. */
export function socketPair(kind: "stream" | "packets"): readonly [number, number] {
  const type = kind === "stream" ? SOCK_STREAM : SOCK_SEQPACKET;
  const pair = Buffer.alloc(8);
  if (libc.socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) !== 0) throw systemError("socketpair");
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** A duplicate of a descriptor, closed on exec. The caller closes it. */
export function duplicate(fd: number): number {
  const copy = Number(libc.fcntl(fd, F_DUPFD_CLOEXEC, 0n));
  if (copy < 0) throw systemError(`Cannot duplicate descriptor ${fd}: fcntl`);
  return copy;
}

/**
 * Sends descriptors as one packet that names the request they belong to. Answers false when the kernel takes no more until the
 * other side has received some. Throws when the socket is broken.
 */
export function sendDescriptors(socket: number, requestId: number, fds: readonly number[]): boolean {
  if (fds.length > MAX_DESCRIPTORS) throw new RangeError(`${fds.length} descriptors exceed ${MAX_DESCRIPTORS}`);
  const message = packet(fds.length);
  message.data.writeBigUInt64LE(BigInt(requestId));
  message.control.writeBigUInt64LE(BigInt(CMSG_HEADER_BYTES + 4 * fds.length), 0);
  message.control.writeInt32LE(SOL_SOCKET, 8);
  message.control.writeInt32LE(SCM_RIGHTS, 12);
  for (const [index, fd] of fds.entries()) message.control.writeInt32LE(fd, CMSG_HEADER_BYTES + 4 * index);
  if (Number(libc.sendmsg(socket, message.header, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0) return true;
  const code = errno();
  if (code === EAGAIN || code === ETOOMANYREFS) return false;
  throw systemError("Cannot pass descriptors: sendmsg", code);
}

/**
 * Receives the `count` descriptors that were sent for a request, closed on exec; the caller closes them. Throws `ProtocolError`
 * when the next packet is another one, after closing what it held.
 */
export function receiveDescriptors(socket: number, requestId: number, count: number): readonly number[] {
  const message = packet(MAX_DESCRIPTORS);
  const bytes = Number(libc.recvmsg(socket, message.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (bytes < 0) throw new ProtocolError(`The descriptors of request ${requestId} are missing: errno ${errno()}`);
  const fds = readControl(message);
  const isCut = (message.header.readInt32LE(48) & MSG_CTRUNC) !== 0;
  if (bytes === ID_BYTES && message.data.readBigUInt64LE() === BigInt(requestId) && fds.length === count && !isCut) {
    return fds;
  }
  for (const fd of fds) closeSync(fd);
  throw new ProtocolError(`Request ${requestId} came with ${fds.length} descriptors instead of ${count}`);
}

/** `struct msghdr` for one packet, with the buffers it points to; they must stay alive during the call. */
function packet(descriptors: number) {
  const data = Buffer.alloc(ID_BYTES);
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(addressOf(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const control = Buffer.alloc(CMSG_HEADER_BYTES + 8 * Math.ceil(descriptors / 2));
  const header = Buffer.alloc(MSGHDR_BYTES);
  header.writeBigUInt64LE(addressOf(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(CMSG_HEADER_BYTES + 4 * descriptors), 40);
  return { data, vector, control, header };
}

function readControl({ header, control }: ReturnType<typeof packet>): number[] {
  if (header.readBigUInt64LE(40) < BigInt(CMSG_HEADER_BYTES)) return [];
  if (control.readInt32LE(8) !== SOL_SOCKET || control.readInt32LE(12) !== SCM_RIGHTS) return [];
  const end = Number(control.readBigUInt64LE(0));
  return Array.from({ length: (end - CMSG_HEADER_BYTES) / 4 }, (_, index) =>
    control.readInt32LE(CMSG_HEADER_BYTES + 4 * index),
  );
}

function systemError(call: string, code: number = errno()): Error {
  return new Error(`${call} failed with ${getSystemErrorName(-code)}`);
}
