import { sys } from "../files/index.ts";
import type { InputDescriptor } from "./descriptor.ts";
import { fileOf } from "./descriptor-access.ts";
import { Errno, errnoOf } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";
import { checkIovecs, iovecBytes, moveIovecs } from "./iovecs.ts";
import { Rights } from "./rights.ts";

/** Reading from descriptors. */
export const fdReadFunctions: FunctionTable = {
  /**
   * Reads into buffers from the position; short counts are legal, 0 is the end. Waits for standard input.
   * EBADF: not open, a folder, or not for reading. ENOTCAPABLE: no right to read. EINVAL: too many buffers.
   * EFAULT: a pointer is outside the memory. EIO: as the file system says, or standard input failed.
   */
  fd_read: (process) => (fd: number, iovecs: number, count: number, size: number) => {
    const descriptor = process.fds.get(fd >>> 0);
    if (!descriptor || descriptor.kind === "output" || descriptor.kind === "directory") return Errno.BADF;
    if ((descriptor.rights & Rights.FD_READ) === 0) return Errno.NOTCAPABLE;
    iovecs >>>= 0;
    count >>>= 0;
    size >>>= 0;
    if (!process.memory.has(size, 4)) return Errno.FAULT;
    const problem = checkIovecs(process, iovecs, count);
    if (problem !== Errno.SUCCESS) return problem;
    if (descriptor.kind === "input") return readStream(process, descriptor, { iovecs, count, size });
    const read = moveIovecs(process, iovecs, count, (buffer) => sys.read(descriptor.hostFd, buffer));
    return told(process, size, read);
  },

  /**
   * Reads into buffers from `offset` and leaves the position. As fd_read, and: ENOTCAPABLE without the right to seek.
   * EINVAL: offset beyond 2^63 - 1. ESPIPE: a standard stream.
   */
  fd_pread: (process) => (fd: number, iovecs: number, count: number, offset: bigint, size: number) => {
    const descriptor = fileOf(process, fd, Rights.FD_READ | Rights.FD_SEEK);
    if (typeof descriptor === "number") return descriptor;
    iovecs >>>= 0;
    count >>>= 0;
    size >>>= 0;
    if (!process.memory.has(size, 4)) return Errno.FAULT;
    const problem = checkIovecs(process, iovecs, count);
    if (problem !== Errno.SUCCESS) return problem;
    if (offset < 0n) return Errno.INVAL;
    const read = moveIovecs(process, iovecs, count, (buffer, done) =>
      sys.pread(descriptor.hostFd, buffer, offset + BigInt(done)),
    );
    return told(process, size, read);
  },
};

interface Target {
  readonly iovecs: number;
  readonly count: number;
  readonly size: number;
}

function readStream(process: GuestProcess, descriptor: InputDescriptor, target: Target): number | Promise<number> {
  const { iovecs, count, size } = target;
  const wanted = iovecBytes(process, iovecs, count);
  if (wanted === 0) return told(process, size, 0);
  const chunk = descriptor.stream.take(wanted);
  if (chunk instanceof Promise) {
    return process.suspend(chunk).then(() => {
      // The memory may have grown while the guest waited: its old views are gone.
      const problem = checkIovecs(process, iovecs, count);
      return problem === Errno.SUCCESS ? readStream(process, descriptor, target) : problem;
    });
  }
  if (descriptor.stream.failed) return Errno.IO;
  let taken = 0;
  moveIovecs(process, iovecs, count, (buffer) => {
    const part = chunk.subarray(taken, taken + buffer.length);
    buffer.set(part);
    taken += part.length;
    return part.length;
  });
  return told(process, size, taken);
}

/** Tells the guest how many bytes moved, or why none did. */
function told(process: GuestProcess, size: number, moved: number): number {
  if (moved < 0) return errnoOf(moved);
  // Has grown meanwhile when the guest waited.
  if (!process.memory.has(size, 4)) return Errno.FAULT;
  process.memory.view.setUint32(size, moved, true);
  return Errno.SUCCESS;
}
