import wabt from "wabt";
import {
  HOST_EXPORTS,
  HOST_IMPORTS,
  HOST_MODULE,
  instrument,
  type InstrumentOptions,
  type StateLayout,
} from "../../src/wasm/index.ts";

const FEATURES = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  function_references: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
} as const;

const toolkit = await wabt();

/** The module that a text in the WebAssembly text format says. */
export function wat(text: string): Uint8Array {
  const module = toolkit.parseWat("test.wat", text, FEATURES);
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}

/** An instance of an instrumented module, with what the host gives and gets. */
export interface InstrumentedInstance {
  readonly layout: StateLayout;
  readonly exports: WebAssembly.Exports;
  /** Calls an exported function. */
  readonly call: (name: string, ...args: readonly unknown[]) => unknown;
  readonly memory: WebAssembly.Memory;
  /** Sets the epoch, a counter of milliseconds. */
  readonly setEpoch: (now: number) => void;
  /** Reads or sets one of `HOST_EXPORTS`. */
  readonly global: (name: keyof typeof HOST_EXPORTS) => WebAssembly.Global;
  /** Times that `overrun` was called. */
  overruns: number;
}

export interface InstanceOptions extends InstrumentOptions {
  readonly imports?: WebAssembly.Imports;
  readonly overrun?: () => void;
  /** Maximum of the memory itself, in pages. @default 65,536 */
  readonly maxMappedPages?: number;
}

/** Instruments a module and makes an instance of it; its start function is not called. */
export function instantiate(bytes: Uint8Array, options: InstanceOptions = {}): InstrumentedInstance {
  const instrumented = instrument(bytes, options);
  const memory = new WebAssembly.Memory({
    initial: instrumented.layout.memory?.minPages ?? 0,
    maximum: options.maxMappedPages ?? 65_536,
  });
  const epoch = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const host = {
    [HOST_IMPORTS.memory]: memory,
    [HOST_IMPORTS.epoch]: epoch,
    [HOST_IMPORTS.overrun]: () => {
      instance.overruns++;
      options.overrun?.();
    },
  };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(instrumented.bytes), {
    ...options.imports,
    [HOST_MODULE]: host,
  });
  const instance: InstrumentedInstance = {
    layout: instrumented.layout,
    exports,
    memory,
    overruns: 0,
    call: (name, ...args) => Reflect.apply(exports[name] as Function, undefined, args),
    setEpoch: (now) => void (new Int32Array(epoch.buffer)[0] = now),
    global: (name) => exports[HOST_EXPORTS[name]] as WebAssembly.Global,
  };
  return instance;
}
