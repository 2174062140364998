import { ProcExit, WouldBlock } from "./wasi-host.ts";
import { SinkFull } from "../../wasi/index.ts";

/** How a run on an instance ended; `abandoned` means that it starts again in the sliced lane. */
export type Ending =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "trapped"; readonly message: string }
  | { readonly kind: "stopped"; readonly reason: "deadline" | "output-limit" | "closed" }
  | { readonly kind: "abandoned"; readonly reason: "slice" | "wait" | "effect" | "output" };

export const EXITED: Ending = { kind: "exited", code: 0 };

/** `(module (func (export "trap") unreachable))` */
const TRAP_MODULE = Buffer.from("0061736d0100000001040160000003020100070801047472617000000a05010300000b", "hex");

/**
 * What host functions throw (or reject with) to leave a guest. It is the error of a real trap: V8 marks those, so no `catch_all`
 * of the guest can catch it, neither thrown through JavaScript nor as the rejection of a suspension. One object serves all
 * runs and threads' runs note beside it how they end.
 */
export const UNWIND: Error = makeTrap();

function makeTrap(): Error {
  const trap = new WebAssembly.Instance(new WebAssembly.Module(TRAP_MODULE)).exports["trap"] as () => void;
  try {
    trap();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return error;
  }
  throw new Error("This V8 does not trap at unreachable");
}

/** How a run ends when a host function throws `error`. */
export function endingOfHostError(error: unknown): Ending {
  if (error instanceof ProcExit) return error.code === 0 ? EXITED : { kind: "exited", code: error.code };
  if (error instanceof WouldBlock) return { kind: "abandoned", reason: error.reason };
  if (error instanceof SinkFull) return { kind: "stopped", reason: "output-limit" };
  return endingOfTrap(error);
}

/** How a run ends when `error` left the guest and no host function noted why. */
export function endingOfTrap(error: unknown): Ending {
  if (error instanceof WebAssembly.RuntimeError) return { kind: "trapped", message: error.message };
  if (error instanceof RangeError) return { kind: "trapped", message: "call stack exhausted" };
  if (error instanceof WebAssembly.Exception) return { kind: "trapped", message: "uncaught exception" };
  if (error instanceof Error) return { kind: "trapped", message: `host function failed: ${error.message}` };
  return { kind: "trapped", message: "uncaught exception" };
}
