import type { Clock } from "../../base/index.ts";
// The one place where the engine meets WASI.
import type { WasiProcess } from "../../wasi/process.ts";
import type { AnyHostFunction } from "./host-functions.ts";
import { UnusableModuleError } from "./unusable-module-error.ts";

export type { WasiProcess } from "../../wasi/process.ts";
export { ProcExit, WouldBlock } from "../../wasi/preview1/unwinding.ts";

/** Where the instance runs, and so what happens when the guest has to wait. */
export type Lane = "fast" | "sliced" | "blocking";

/** WASI for one instance, as far as the engine needs it. */
export interface WasiHost {
  /** The function behind an import of a WASI module; undefined for an unknown name. */
  find(module: string, name: string): AnyHostFunction | undefined;
  bind(memory: WebAssembly.Memory): void;
  begin(process: WasiProcess): void;
  /** Closes what the run opened. */
  end(): void;
  cancel(reason: Error): void;
}

export interface WasiHostOptions {
  readonly mode: Lane;
  readonly clock: Clock;
}

export type CreateWasiHost = (options: WasiHostOptions) => WasiHost;

/** The real one. Until `src/wasi` offers its host, every module that imports WASI is refused. */
export const createWasiHost: CreateWasiHost = () => ({
  find(module, name) {
    throw new UnusableModuleError(`The module imports "${name}" from "${module}"; WASI is not part of this build`);
  },
  bind: () => {},
  begin: () => {},
  end: () => {},
  cancel: () => {},
});

/** Functions that may answer with a promise in the sliced lane. */
export const WAITING_FUNCTIONS: ReadonlySet<string> = new Set(["fd_read", "poll_oneoff"]);
