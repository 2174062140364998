import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";

/** Scheduling. */
export const schedFunctions: FunctionTable = {
  /** Does nothing: the engine takes the thread away by its own slices. Never fails. */
  sched_yield: () => () => Errno.SUCCESS,
};
