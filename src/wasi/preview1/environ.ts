import type { FunctionTable } from "./function-table.ts";
import { copyStrings, stringSizes } from "./strings.ts";

/** Environment variables, each as `NAME=value`. */
export const environFunctions: FunctionTable = {
  /** Writes pointers to the variables and the variables. E2BIG: more than the limit. EFAULT: a pointer is outside the memory. */
  environ_get: (process) => (environ: number, buffer: number) => copyStrings(process, process.env, environ, buffer),

  /** How many variables and how many bytes with their NULs. E2BIG, EFAULT as above. */
  environ_sizes_get: (process) => (count: number, bytes: number) => stringSizes(process, process.env, count, bytes),
};
