import type { WasiLimits } from "../wasi/index.ts";
import type { AddressPolicyOptions, HttpLimits, OutboundLimits } from "../gateway/index.ts";

/** Settings of a whole shim process, as differences from the defaults; docs/reference/limits.md lists them. */
export interface ShimSettings {
  /** Who speaks HTTP: our own front, or node:http as a fallback. @default "own" */
  readonly front?: "own" | "node";
  /** Each gateway worker's HTTP front. */
  readonly http?: Partial<HttpLimits>;
  /** Each worker's outbound calls. */
  readonly outbound?: Partial<OutboundLimits>;
  /** Addresses guests may dial although they lead to this machine, its link or a metadata service. @default none */
  readonly addresses?: AddressPolicyOptions;
  /** Each guest's system calls. */
  readonly wasi?: Partial<WasiLimits>;
  /** Live instances of the process, idle ones included; each worker gets its part. @default MAX_INSTANCES */
  readonly maxInstances?: number;
  /** Most that is kept of what one run writes to standard error, in bytes. @default 64 KiB */
  readonly maxStderrBytes?: number;
}

/** Live instances and suspensions of one process: mappings bound them (about 13,000), and each worker gets its part. */
export const MAX_INSTANCES = 4_000;
