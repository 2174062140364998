/** Bounds and tuning of one thread's engine. docs/reference/limits.md lists them. */
export interface EngineSettings {
  /** Guest time before a run in the fast lane is abandoned, and before one in the sliced lane makes way at the latest. @default 10 */
  readonly sliceMs: number;
  /**
   * Guest time in one turn of the event loop; what is left waits for the next. Guards other connections' latency: the sliced lane
   * makes way after as long, and a slice ends up to 2 ms late as the epoch counts whole milliseconds. @default 5
   */
  readonly turnMs: number;
  /** Runs expected to take longer wait for their turn before they start. @default 1 */
  readonly quickMs: number;
  /** Guest time that may be lost to abandoned runs, per guest: at once, and again per second. @default 20 and 10 */
  readonly abandonMs: { readonly burst: number; readonly perSecond: number };
  /**
   * Instances on this thread, idle ones included. Each takes 8 GiB of address space and several mappings, of which a process has
   * 65,530: give each thread its part of 4,000. @default 2000
   */
  readonly maxInstances: number;
  /** Memory beyond the module's own minimum that an idle instance may keep mapped; one that grew further is discarded. @default 64 MiB */
  readonly keptGrowthBytes: number;
  /** Idle instances are given back after this time. @default 300,000 */
  readonly idleMs: number;
  /** Time a nested call (an export called from a host function) may take: it cannot be suspended. @default 10 */
  readonly nestedCallMs: number;
  /** Output of one run in the fast lane before it moves to the sliced lane, where it reaches the sinks directly. @default 4 MiB */
  readonly fastOutputBytes: number;
  /** Forces one way of recycling instead of measuring: for tests and benches. */
  readonly strategy?: "copy" | "cow" | "fresh";
}

export const DEFAULT_ENGINE_SETTINGS: EngineSettings = {
  sliceMs: 10,
  turnMs: 5,
  quickMs: 1,
  abandonMs: { burst: 20, perSecond: 10 },
  maxInstances: 2000,
  keptGrowthBytes: 64 * 1024 * 1024,
  idleMs: 300_000,
  nestedCallMs: 10,
  fastOutputBytes: 4 * 1024 * 1024,
};

/** Longer slices would outlast the lease that keeps the epoch counting. */
export const MAX_SLICE_MS = 40;
