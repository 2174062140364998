import type { GuestProcess } from "./guest-process.ts";

/** One host function. Numbers for i32 (signed, so pointers are converted by `>>> 0`), bigints for i64; answers an errno. */
export type WasiFunction = (...args: never[]) => number | Promise<number>;

/** Functions by their WASI names, made for one instance so that each has its fixed parameters and no look-up. */
export type FunctionTable = Readonly<Record<string, (process: GuestProcess) => WasiFunction>>;
