import type { StateLayout } from "../wasm/index.ts";
import type { ByteSink, ByteSource, Preopen } from "../wasi/index.ts";

/** A module ready to run: compiled once per process, sent to every thread for free. */
export interface PreparedModule {
  /** `sha256:…` of the image's module as it was published, the key of everything cached about it. */
  readonly digest: string;
  readonly module: WebAssembly.Module;
  readonly layout: StateLayout;
}

/** Limits of one guest (a module under one container's limits, on one thread). */
export interface GuestLimits {
  /** Memory of one instance, in bytes; `memory.grow` beyond it fails. @default 256 MiB */
  readonly memoryBytes: number;
  /** Runs under way on this thread; more wait. @default 64 */
  readonly concurrency: number;
  /** Runs waiting on this thread; more are refused with `busy`. @default 256 */
  readonly queue: number;
}

export const DEFAULT_GUEST_LIMITS: GuestLimits = { memoryBytes: 256 * 1024 * 1024, concurrency: 64, queue: 256 };

/** Whom a run's time is charged to: one per container and thread. `cpuMs` only grows; the scheduler serves who used least for its weight. */
export interface Account {
  readonly id: string;
  /** Share of the loop against others, as the container's CPU request in millicores. @default 100 */
  readonly weight: number;
  /** Guest time used so far, in milliseconds of the thread's monotonic clock while the guest was on it. */
  cpuMs: number;
}

/** One call of a guest's entry point on a clean instance. */
export interface Invocation {
  /** Exported function without parameters. `_start` for commands and WAGI's default. */
  readonly entrypoint: string;
  readonly args: readonly Uint8Array[];
  /** `NAME=value`, without the final NUL. */
  readonly env: readonly Uint8Array[];
  readonly stdin: ByteSource;
  /**
   * Bytes reach the sinks once the run cannot be replayed any more: at its end in the fast lane, as they come in the sliced lane.
   * Each write is a whole write of the guest or several of them.
   */
  readonly stdout: ByteSink;
  readonly stderr: ByteSink;
  readonly preopens: readonly Preopen[];
  readonly account: Account;
  /** On the monotonic clock of the engine (`performance.now()` of its thread); past it the run ends with `deadline`. Infinity for none. */
  readonly deadlineMs: number;
  /** Never replayed, so output is never held back. @default false */
  readonly live?: boolean;
  /** What host modules beside WASI need to know of this run, keyed by their module name. */
  readonly host?: Readonly<Record<string, unknown>>;
}

/** How a run ended. */
export type Outcome =
  /** `outOfMemory` is there (true) when a `memory.grow` was refused and the code is not 0. */
  | { readonly kind: "exited"; readonly code: number; readonly outOfMemory?: true; readonly cpuMs: number }
  /** A trap, or an exception that left the guest. `outOfMemory`: a `memory.grow` was refused before. */
  | { readonly kind: "trapped"; readonly message: string; readonly outOfMemory: boolean; readonly cpuMs: number }
  /** The deadline passed, or the sink's limit was reached (`reason` says which). */
  | { readonly kind: "stopped"; readonly reason: "deadline" | "output-limit" | "closed"; readonly cpuMs: number }
  /** Nothing ran: too many under way and waiting. */
  | { readonly kind: "busy" }
  /** The module cannot be called so: no such export, or it takes parameters; `message` says it. */
  | { readonly kind: "unusable"; readonly message: string };

/** Functions a guest may import beside WASI (`wasi_experimental_http`), made anew for every instance. */
export interface HostModule {
  /** Import module name. */
  readonly name: string;
  /** Functions that may answer with a promise; a guest that imports one starts in the sliced lane. */
  readonly suspending: ReadonlySet<string>;
  /** Makes the functions for one instance. Those that do not suspend may be called again when a run is replayed. */
  instantiate(instance: HostInstance): Readonly<Record<string, HostFunction>>;
}

export type HostFunction = (...args: readonly (number & bigint)[]) => number | Promise<number>;

export interface HostInstance {
  /** The guest's memory; its buffer changes when it grows, so read it at each call. */
  readonly memory: WebAssembly.Memory;
  /** The run that is on this instance now. */
  invocation(): Invocation;
  /** Aborted when that run ends: by then nothing waits for an answer any more. */
  signal(): AbortSignal;
  /**
   * Calls an export of the guest from within a host function. It cannot be suspended and may take `nestedCallMs`; past that the
   * whole run ends with a trap.
   */
  call(name: string, ...args: readonly (number | bigint)[]): unknown;
}

/** A module under one container's limits on this thread, with its instances. */
export interface Guest {
  /**
   * Runs an invocation. Answers at once (no promise) when the guest ended within its first slice in the fast lane,
   * which is the hot path; else a promise. Never rejects for what a guest does.
   */
  run(invocation: Invocation): Outcome | Promise<Outcome>;
  /**
   * Linear memory, in bytes: of idle instances of its module (which guests of the same module and limit share) and of its runs under
   * way at the module's own size, whatever they grew to.
   */
  memoryBytes(): number;
  /** Ends runs with `stopped: closed` and frees instances, mappings and descriptors. */
  close(): Promise<void>;
}
