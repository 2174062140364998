/**
 * Options with which Node must run a process that runs guests in worker threads (they cannot be set later).
 * A guest in the sliced lane has a stack of its own, 984 KiB unless told otherwise, a fifth of a worker's; a run that is replayed
 * there must find as much as it had. Only the pages in use take memory. `--stack-size` bounds both, for main threads too, which
 * have 8 MiB by default (`ulimit -s`).
 */
export const GUEST_STACK_FLAGS: readonly string[] = ["--stack-size=4000", "--wasm-stack-switching-stack-size=4096"];

/**
 * V8 else counts each memory by its declared size and collects garbage for every 64 MB of it, whatever was touched: a fresh
 * instance then costs 178 instead of 74 us.
 */
export const GUEST_MEMORY_FLAGS: readonly string[] = ["--external-memory-accounted-in-global-limit"];
