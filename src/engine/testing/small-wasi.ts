import type { WasiProcess } from "../instance/wasi-host.ts";
import { ProcExit, WouldBlock } from "../instance/wasi-host.ts";
import type { AnyHostFunction } from "../instance/host-functions.ts";
import type { CreateWasiHost, WasiHost } from "../instance/wasi-host.ts";

/** The few functions of WASI by which tests see what reaches a run's streams, each for one buffer. */
export const createSmallWasi: CreateWasiHost = ({ mode }): WasiHost => {
  let memory: WebAssembly.Memory | undefined;
  let process: WasiProcess | undefined;
  const range = (iov: number): Uint8Array => {
    if (!memory) return new Uint8Array(0);
    const view = new DataView(memory.buffer);
    return new Uint8Array(memory.buffer, view.getUint32(iov, true), view.getUint32(iov + 4, true));
  };
  const take = (iov: number, countAt: number, bytes: Uint8Array): number => {
    range(iov).set(bytes);
    if (memory) new DataView(memory.buffer).setUint32(countAt, bytes.length, true);
    return 0;
  };
  const functions: Readonly<Record<string, AnyHostFunction>> = {
    fd_write: (fd: number, iov: number, _count: number, written: number) => {
      (fd === 2 ? process?.stderr : process?.stdout)?.write(range(iov));
      if (memory) new DataView(memory.buffer).setUint32(written, range(iov).length, true);
      return 0;
    },
    fd_read: (_fd: number, iov: number, _count: number, read: number) => {
      const bytes = process?.stdin.read(range(iov).length) ?? new Uint8Array(0);
      if (!(bytes instanceof Promise)) return take(iov, read, bytes);
      if (mode === "fast") throw new WouldBlock("wait");
      return bytes.then((arrived) => take(iov, read, arrived));
    },
    proc_exit: (code: number) => {
      const exit = new ProcExit();
      exit.code = code;
      throw exit;
    },
  };
  return {
    find: (_module, name) => functions[name],
    bind: (bound) => {
      memory = bound;
    },
    begin: (begun) => {
      process = begun;
    },
    end: () => {
      process = undefined;
    },
    cancel: () => {},
  };
};
