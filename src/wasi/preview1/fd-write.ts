import { sys } from "../files/index.ts";
import type { FileDescriptor, OutputDescriptor } from "./descriptor.ts";
import { fileOf } from "./descriptor-access.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import { checkIovecs, moveIovecs } from "./iovecs.ts";
import { Rights } from "./rights.ts";

/** Writing to descriptors. */
export const fdWriteFunctions: FunctionTable = {
  /**
   * Writes buffers at the position; short counts are legal.
   * EBADF: not open, or a directory. ENOTCAPABLE: no right to write. EINVAL: too many buffers. EFAULT: a pointer is outside the memory.
   * EFBIG, ENOSPC, EDQUOT, EIO: as the file system says.
   */
  fd_write: (process) => (fd: number, iovecs: number, count: number, size: number) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor || descriptor.kind === "directory") return Errno.BADF;
    if ((descriptor.rights & Rights.FD_WRITE) === 0) return Errno.NOTCAPABLE;
    iovecs >>>= 0;
    count >>>= 0;
    size >>>= 0;
    if (!process.memory.has(size, 4)) return Errno.FAULT;
    const problem = checkIovecs(process, iovecs, count);
    if (problem !== Errno.SUCCESS) return problem;
    if (descriptor.kind === "input") return Errno.BADF;
    const written =
      descriptor.kind === "output"
        ? writeStream(process, descriptor, iovecs, count)
        : writeFile(process, descriptor, iovecs, count);
    if (written < 0) return errnoOf(written);
    process.memory.view.setUint32(size, written, true);
    return Errno.SUCCESS;
  },

  /**
   * Writes buffers at `offset` (at the end when the file appends) and leaves the position.
   * As fd_write, and: ENOTCAPABLE without the right to seek. EINVAL: offset beyond 2^63 - 1. ESPIPE: a standard stream.
   */
  fd_pwrite: (process) => (fd: number, iovecs: number, count: number, offset: bigint, size: number) => {
    const descriptor = fileOf(process, fd, Rights.FD_WRITE | Rights.FD_SEEK);
    if (typeof descriptor === "number") return descriptor;
    iovecs >>>= 0;
    count >>>= 0;
    size >>>= 0;
    if (!process.memory.has(size, 4)) return Errno.FAULT;
    const problem = checkIovecs(process, iovecs, count);
    if (problem !== Errno.SUCCESS) return problem;
    if (offset < 0n) return Errno.INVAL;
    process.beforeEffect();
    const written = moveIovecs(process, iovecs, count, (buffer, done) =>
      sys.pwrite(descriptor.hostFd, buffer, offset + BigInt(done)),
    );
    if (written < 0) return errnoOf(written);
    process.memory.view.setUint32(size, written, true);
    return Errno.SUCCESS;
  },
};

function writeStream(process: GuestProcess, { sink }: OutputDescriptor, iovecs: number, count: number): number {
  const { memory } = process;
  let left = process.settings.limits.ioBytes;
  let written = 0;
  for (let index = 0; index < count && left > 0; index++) {
    const start = memory.view.getUint32(iovecs + index * 8, true);
    const length = Math.min(memory.view.getUint32(iovecs + index * 8 + 4, true), left);
    if (length === 0) continue;
    sink.write(memory.bytes.subarray(start, start + length));
    left -= length;
    written += length;
  }
  return written;
}

function writeFile(process: GuestProcess, { hostFd }: FileDescriptor, iovecs: number, count: number): number {
  process.beforeEffect();
  return moveIovecs(process, iovecs, count, (buffer) => sys.write(hostFd, buffer));
}
