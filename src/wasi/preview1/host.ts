import type { Clock } from "../../base/index.ts";
import { openBeneath } from "../files/index.ts";
import { DEFAULT_WASI_LIMITS, type WasiLimits } from "../limits.ts";
import type { WasiProcess } from "../process.ts";
import { argsFunctions } from "./args.ts";
import { clockFunctions } from "./clock.ts";
import { environFunctions } from "./environ.ts";
import { fdFileFunctions, unstableFdFileFunctions } from "./fd-file.ts";
import { fdPositionFunctions, unstableFdPositionFunctions } from "./fd-position.ts";
import { fdReadFunctions } from "./fd-read.ts";
import { fdReaddirFunctions } from "./fd-readdir.ts";
import { fdTableFunctions } from "./fd-table-functions.ts";
import { fdWriteFunctions } from "./fd-write.ts";
import type { FunctionTable, WasiFunction } from "./function-table.ts";
import { GuestProcess, type HostSettings, type WaitMode } from "./guest-process.ts";
import { pathChangeFunctions } from "./path-change.ts";
import { pathLinkFunctions } from "./path-link.ts";
import { pathOpenFunctions } from "./path-open.ts";
import { pathStatFunctions, unstablePathStatFunctions } from "./path-stat.ts";
import { pollFunctions, unstablePollFunctions } from "./poll.ts";
import { procFunctions } from "./proc.ts";
import { randomFunctions } from "./random.ts";
import { schedFunctions } from "./sched.ts";
import { sockFunctions } from "./sock.ts";

/** Import module names of WASI preview 1 and of the version before it. */
const WASI_MODULES = { preview1: "wasi_snapshot_preview1", unstable: "wasi_unstable" } as const;

const preview1: FunctionTable = {
  ...argsFunctions,
  ...clockFunctions,
  ...environFunctions,
  ...fdFileFunctions,
  ...fdPositionFunctions,
  ...fdReadFunctions,
  ...fdReaddirFunctions,
  ...fdTableFunctions,
  ...fdWriteFunctions,
  ...pathChangeFunctions,
  ...pathLinkFunctions,
  ...pathOpenFunctions,
  ...pathStatFunctions,
  ...pollFunctions,
  ...procFunctions,
  ...randomFunctions,
  ...schedFunctions,
  ...sockFunctions,
};

const unstable: FunctionTable = {
  ...preview1,
  ...unstableFdFileFunctions,
  ...unstableFdPositionFunctions,
  ...unstablePathStatFunctions,
  ...unstablePollFunctions,
};

const tables: ReadonlyMap<string, ReadonlyMap<string, FunctionTable[string]>> = new Map([
  [WASI_MODULES.preview1, new Map(Object.entries(preview1))],
  [WASI_MODULES.unstable, new Map(Object.entries(unstable))],
]);

export interface Preview1Options {
  /**
   * What happens when the guest has to wait. `fast`: the run is thrown away with `WouldBlock`. `sliced`: functions answer promises.
   * `blocking`: the thread waits.
   */
  readonly mode: WaitMode;
  readonly clock: Clock;
  /** @default DEFAULT_WASI_LIMITS */
  readonly limits?: Partial<WasiLimits>;
  /** How paths are opened. @default the kernel's way, or the walk where that is missing */
  readonly openBeneath?: HostSettings["openBeneath"];
}

/** WASI preview 1 and `wasi_unstable` for one instance. */
export interface Preview1Host {
  /** The function behind an import; undefined for a name that neither version has. */
  find(module: string, name: string): WasiFunction | undefined;
  /** The memory the functions read and write, before the first run. */
  bind(memory: WebAssembly.Memory): void;
  begin(process: WasiProcess): void;
  /** Closes what the run opened. */
  end(): void;
  /** Rejects what the guest waits for, if it does. */
  cancel(reason: Error): void;
}

/** Processor time of the calling thread, in milliseconds. In a gateway worker it is that of all its guests together. */
function threadCpuMs(): number {
  const { user, system } = globalThis.process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Makes the host of one instance. */
export function createPreview1Host({ mode, clock, limits, openBeneath: open }: Preview1Options): Preview1Host {
  const process = new GuestProcess({
    mode,
    clock,
    cpuTimeMs: threadCpuMs,
    limits: { ...DEFAULT_WASI_LIMITS, ...limits },
    openBeneath: open ?? openBeneath,
  });
  return {
    find: (module, name) => tables.get(module)?.get(name)?.(process),
    bind: (memory) => process.memory.bind(memory),
    begin: (given) => process.begin(given),
    end: () => process.end(),
    cancel: (reason) => void process.cancel(reason),
  };
}
