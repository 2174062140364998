import type { FunctionTable } from "./function-table.ts";
import { copyStrings, stringSizes } from "./strings.ts";

/** Command line arguments. */
export const argsFunctions: FunctionTable = {
  /** Writes pointers to the arguments and the arguments. E2BIG: more than the limit. EFAULT: a pointer is outside the memory. */
  args_get: (process) => (argv: number, buffer: number) => copyStrings(process, process.args, argv, buffer),

  /** How many arguments and how many bytes with their NULs. E2BIG, EFAULT as above. */
  args_sizes_get: (process) => (count: number, bytes: number) => stringSizes(process, process.args, count, bytes),
};
