import type { PodLimits } from "../../runtime/index.ts";
import type { ImageSettings } from "../image/index.ts";

/** What the flags of `wasipool run` hold. */
export interface RunFlags extends Omit<ImageSettings, "root"> {
  readonly output: "text" | "json";
  readonly watch: boolean;
  /** Folder for images; they go to its `images`. */
  readonly root?: string;
  readonly setAddress?: string;
  /** Images made from local modules. */
  readonly image: readonly (readonly [name: string, file: string])[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly workers?: number;
  /** A second process that stands by for the one that runs guests. */
  readonly standby: boolean;
  /** Who speaks HTTP to clients. */
  readonly httpFront: "own" | "node";
  /** Longest grace period at the end, in milliseconds. */
  readonly grace?: number;
  /** Addresses and ranges that guests may dial although they lead to this machine. */
  readonly allowAddress: readonly string[];
  readonly limit: readonly (readonly [name: string, value: string])[];
  readonly requestTimeout?: number;
  readonly maxRequestBody?: number;
  readonly maxResponse?: number;
  readonly maxResponseHeaders?: number;
  readonly concurrency?: number;
  readonly queue?: number;
  readonly memory?: number;
  /** For a module without a manifest. */
  readonly route?: string;
  readonly address?: string;
  readonly command: boolean;
  readonly arg: readonly string[];
  readonly dir: readonly string[];
  readonly allowedHost: readonly string[];
}

/** The limits that flags set for pods which set none of their own. */
export function podLimitsOf(flags: RunFlags): Partial<PodLimits> {
  const limits = {
    timeoutMs: flags.requestTimeout,
    maxRequestBodyBytes: flags.maxRequestBody,
    maxResponseBytes: flags.maxResponse,
    maxResponseHeaderBytes: flags.maxResponseHeaders,
    concurrency: flags.concurrency,
    queue: flags.queue,
    memoryBytes: flags.memory,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
