import { performance } from "node:perf_hooks";

/** What a scheduler needs of an event loop; the real one below, another in tests. */
export interface EventLoop {
  /** Calls `run` once in the next turn of the loop. */
  nextTurn(run: () => void): void;
  /** Calls `run` when the current code and what is queued before it has ended, still in this turn. */
  soon(run: () => void): void;
  /** Readable and writable sockets, timers of the kernel and the like that the loop has found so far; only grows. */
  events(): number;
}

export const threadLoop: EventLoop = {
  nextTurn: (run) => void setImmediate(run),
  soon: (run) => queueMicrotask(run),
  events: () => performance.nodeTiming.uvMetricsInfo.events,
};
