import { HOST_EXPORTS, HOST_IMPORTS, HOST_MODULE, instrument, UnsupportedModuleError } from "../../src/wasm/index.ts";

/** A way to run modules: each gives the same answers, or the instrumenting is wrong. */
export interface Lane {
  readonly name: string;
  /** Makes an instance, start function included. `shares` says that its memory or tables come from or go to another. */
  instantiate(bytes: Uint8Array, imports: WebAssembly.Imports): Promise<WebAssembly.Instance>;
  call(run: Function, args: readonly unknown[]): unknown;
  /** What happened so far. */
  readonly counts: { instrumented: number; refused: number; overruns: number };
}

/** The modules as they are. */
export function plainLane(): Lane {
  return {
    name: "as it is",
    counts: { instrumented: 0, refused: 0, overruns: 0 },
    instantiate: async (bytes, imports) => new WebAssembly.Instance(new WebAssembly.Module(bytes), imports),
    call: (run, args) => Reflect.apply(run, undefined, args),
  };
}

/**
 * Instrumented modules. `quiet`: no check fires. `firing`: each calls `overrun`, which does nothing.
 * `suspending`: each suspends the guest for a turn of the microtask queue.
 */
export function instrumentedLane(mode: "quiet" | "firing" | "suspending"): Lane {
  const counts = { instrumented: 0, refused: 0, overruns: 0 };
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const call = (run: Function, args: readonly unknown[]): unknown =>
    mode === "suspending"
      ? WebAssembly.promising(run as (...values: readonly unknown[]) => unknown)(...args)
      : Reflect.apply(run, undefined, args);
  const overrun = (): Promise<void> | undefined => {
    counts.overruns++;
    return mode === "suspending" ? Promise.resolve() : undefined;
  };
  return {
    name: `instrumented, ${mode}`,
    counts,
    call,
    instantiate: async (bytes, imports) => {
      const instrumented = tryInstrument(bytes);
      if (!instrumented) {
        counts.refused++;
        return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
      }
      counts.instrumented++;
      const { minPages = 0, maxPages } = instrumented.layout.memory ?? {};
      const memory = new WebAssembly.Memory({ initial: minPages, maximum: Math.min(maxPages ?? 65_536, 65_536) });
      const host = {
        [HOST_IMPORTS.memory]: memory,
        [HOST_IMPORTS.epoch]: epoch,
        [HOST_IMPORTS.overrun]: mode === "suspending" ? new WebAssembly.Suspending(overrun) : overrun,
      };
      const module = new WebAssembly.Module(instrumented.bytes);
      const instance = new WebAssembly.Instance(module, {
        ...imports,
        [HOST_MODULE]: host,
      });
      setDeadline(instance, mode === "quiet" ? 0 : -1);
      const { start } = instrumented.layout;
      if (start !== undefined) await call(instance.exports[start] as Function, []);
      return instance;
    },
  };
}

function setDeadline(instance: WebAssembly.Instance, deadline: number): void {
  const global = instance.exports[HOST_EXPORTS.deadline];
  if (!(global instanceof WebAssembly.Global)) throw new TypeError(`No global ${HOST_EXPORTS.deadline}`);
  global.value = deadline;
}

function tryInstrument(bytes: Uint8Array) {
  try {
    return instrument(bytes);
  } catch (error) {
    if (error instanceof UnsupportedModuleError) return undefined;
    throw error;
  }
}
