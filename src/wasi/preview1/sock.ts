import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";
import type { GuestProcess } from "./guest-process.ts";

/** Sockets: no preopen is one yet. Each answers ENOTSOCK for an open descriptor and EBADF for any other number. */
export const sockFunctions: FunctionTable = {
  sock_accept: (process) => (fd: number, _flags: number, _result: number) => notSocket(process, fd),
  sock_recv:
    (process) => (fd: number, _iovs: number, _count: number, _flags: number, _size: number, _flagsOut: number) =>
      notSocket(process, fd),
  sock_send: (process) => (fd: number, _iovs: number, _count: number, _flags: number, _size: number) =>
    notSocket(process, fd),
  sock_shutdown: (process) => (fd: number, _how: number) => notSocket(process, fd),
};

function notSocket(process: GuestProcess, fd: number): number {
  return process.fds.get(fd >>> 0) ? Errno.NOTSOCK : Errno.BADF;
}
