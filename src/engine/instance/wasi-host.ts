import type { Clock } from "../../base/index.ts";
// The one place where the engine meets WASI.
import { createPreview1Host, type WasiLimits, type WasiProcess } from "../../wasi/index.ts";
import type { AnyHostFunction } from "./host-functions.ts";

export { ProcExit, type WasiLimits, type WasiProcess, WouldBlock } from "../../wasi/index.ts";

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

/** Makes the real one, with limits that differ from the defaults. */
export function wasiHosts(limits: Partial<WasiLimits> = {}): CreateWasiHost {
  return ({ mode, clock }) => createPreview1Host({ mode, clock, limits });
}

/** Functions that may answer with a promise in the sliced lane. */
export const WAITING_FUNCTIONS: ReadonlySet<string> = new Set(["fd_read", "poll_oneoff", "random_get"]);
