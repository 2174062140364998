import { Errno } from "./errno.ts";
import type { FunctionTable } from "./function-table.ts";

/** The process itself. */
export const procFunctions: FunctionTable = {
  /** Leaves the guest by throwing `ProcExit`; answers nothing. */
  proc_exit: (process) => (code: number) => process.exit(code >>> 0),

  /** ENOSYS always: there is nothing that could deliver a signal. */
  proc_raise: () => (_signal: number) => Errno.NOSYS,
};
