/**
 * What instrumenting adds to a module and what the host must save and restore to use one instance again.
 * Plain data: it is cached beside the instrumented bytes and sent between processes as JSON.
 */
export interface StateLayout {
  /** Version of the instrumenting; prepared bytes of another version are made anew. */
  readonly version: number;
  /** The guest's own memory, turned into the import `HOST_MODULE`.`memory`; absent when the module has none. */
  readonly memory?: { readonly minPages: number; readonly maxPages?: number };
  /** Exported names and types of every mutable global the module defines. */
  readonly globals: readonly { readonly name: string; readonly type: GlobalType }[];
  /** Exported names of tables that code can change. Empty in most modules. */
  readonly tables: readonly string[];
  /** Exported name of the former start function; the host calls it on every clean instance, before the entry point. */
  readonly start?: string;
  /** Why one instance cannot serve twice (each request then gets a fresh one). Empty: it can. */
  readonly freshOnly: readonly string[];
}

export type GlobalType = "i32" | "i64" | "f32" | "f64" | "funcref" | "externref";

/** Module name of everything an instrumented module imports from the host beside its own imports. */
export const HOST_MODULE = "wasipool";

/**
 * Names under `HOST_MODULE`:
 * - `memory`: the guest's memory, memory number 0, when there is one (the import has no maximum, so that the host may give any of at least `minPages`)
 * - `epoch`: a shared memory of one page; its first i32 is the epoch, a counter of milliseconds that only grows (modulo 2^32)
 * - `overrun`: `() -> ()`, called by a check that finds the deadline passed, and again by each following one while it is
 */
export const HOST_IMPORTS = { memory: "memory", epoch: "epoch", overrun: "overrun" } as const;

/**
 * Names of added exports (mutable i32 globals):
 * - `deadline`: the epoch after which checks call `overrun`; compared as a signed difference, so the counter may wrap
 * - `pages`: the guest's memory size in pages as `memory.size` tells it (growth is virtual, so that grown memory stays mapped for the
 *   next run). The host puts it back to `minPages` and zeroes what lies above. Bulk operations trap beyond it; a plain load or store
 *   between it and the size that is mapped does not trap, it finds what the host left there: zeros, never another run's data
 * - `maxPages`: `memory.grow` beyond it answers -1; at first the module's own maximum, which the host may lower
 * - `refusedPages`: 0, or the largest size in pages that a `memory.grow` was refused; the host resets it
 */
export const HOST_EXPORTS = {
  deadline: "wasipool:deadline",
  pages: "wasipool:pages",
  maxPages: "wasipool:max-pages",
  refusedPages: "wasipool:refused-pages",
} as const;
