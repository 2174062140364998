import type { HostFunction, HostInstance } from "../guest.ts";
import { HOST_IMPORTS, HOST_MODULE } from "../../wasm/index.ts";
import type { EngineContext } from "../engine-context.ts";
import { Controls } from "./controls.ts";
import { type AnyHostFunction, guarded, waiting } from "./host-functions.ts";
import { type Image, isWasiModule } from "./image.ts";
import { CopyRestorer, CowRestorer, type MemoryRestorer, type Strategy } from "./memory-restorer.ts";
import type { Occupant } from "./occupant.ts";
import { SavedState } from "./saved-state.ts";
import { suspendingOverrun } from "./trampoline.ts";
import { UnusableModuleError } from "./unusable-module-error.ts";
import { type Lane, WAITING_FUNCTIONS, type WasiHost, type WasiProcess } from "./wasi-host.ts";
import { PAGE_BYTES } from "./page-limit.ts";

type GuestFunction = (...args: readonly (number | bigint)[]) => unknown;
/** For modules without memory; host functions find nothing in it. */
let noMemory: WebAssembly.Memory | undefined;

/** One instance of a module, and all that is needed to run it again as if it were new. */
export class GuestInstance {
  readonly image: Image;
  readonly lane: Lane;
  readonly strategy: Strategy;
  readonly memory: WebAssembly.Memory;
  readonly exports: WebAssembly.Exports;
  readonly controls: Controls;
  readonly wasi: WasiHost;
  /** When it was last given back, on the monotonic clock. */
  usedAtMs = 0;
  readonly #context: EngineContext;
  readonly #saved: SavedState | undefined;
  readonly #restorer: MemoryRestorer | undefined;
  readonly #promising = new Map<string, () => Promise<unknown>>();
  #occupant: Occupant | undefined;
  #nestedCalls = 0;
  #nestedUntilMs = 0;

  /** Throws `UnusableModuleError` when the module cannot be instantiated, `RangeError` when there is no room for its memory. */
  constructor(image: Image, lane: Lane, strategy: Strategy, context: EngineContext) {
    this.image = image;
    this.lane = lane;
    this.#context = context;
    this.wasi = context.createWasiHost({ mode: lane, clock: context.clock });
    this.memory = image.layout.memory ? new WebAssembly.Memory({ initial: image.pages }) : emptyMemory();
    this.exports = instantiate(image.module, this.#imports());
    this.wasi.bind(this.memory);
    this.controls = new Controls(this.exports, image.layout);
    if (strategy !== "fresh" && image.obstacle === undefined) this.#saved = new SavedState(this.exports, image.layout);
    image.obstacle ??= this.#saved?.obstacle;
    this.strategy = image.obstacle === undefined ? strategy : "fresh";
    this.#restorer = this.#makeRestorer();
  }

  /** Puts a run on this clean instance: what the guest imports answers for it from now on. */
  begin(occupant: Occupant, process: WasiProcess, maxPages: number): void {
    this.#occupant = occupant;
    this.controls.reset(maxPages);
    this.wasi.begin(process);
  }

  /** Takes the run off and makes the instance clean; false when it must be discarded. */
  end(): boolean {
    this.#occupant = undefined;
    this.wasi.end();
    if (this.strategy === "fresh" || !this.#saved) return false;
    if (this.memory.buffer.byteLength > this.#keptBytes()) return false;
    try {
      this.#restorer?.restore();
      return this.#saved.restore();
    } catch {
      // The kernel refused; whatever state that left, nobody will see it.
      return false;
    }
  }

  /** To be called on a clean instance that will not be used for a while: it then takes less memory. */
  trim(): void {
    this.#restorer?.trim();
  }

  /** Exports to call for a run: what must come before the entry point, then that. */
  entries(entrypoint: string): readonly string[] {
    const { start } = this.image.layout;
    const isReactor = entrypoint !== "_start" && this.image.exportsFunction("_initialize");
    return [...(start === undefined ? [] : [start]), ...(isReactor ? ["_initialize"] : []), entrypoint];
  }

  /** How many parameters an exported function takes. */
  parameters(name: string): number {
    return this.#function(name).length;
  }

  /** Calls an export without parameters on the current stack. */
  call(name: string): void {
    this.#function(name)();
  }

  /** Calls an export without parameters on a stack of its own, where it can be suspended. */
  async callSuspendable(name: string): Promise<void> {
    let run = this.#promising.get(name);
    if (!run) {
      run = WebAssembly.promising(this.#function(name));
      this.#promising.set(name, run);
    }
    await run();
  }

  #makeRestorer(): MemoryRestorer | undefined {
    if (this.strategy === "fresh" || !this.image.layout.memory) return undefined;
    const snapshot = this.image.snapshotOf(this.memory);
    return new (this.strategy === "cow" ? CowRestorer : CopyRestorer)(this.memory, snapshot);
  }

  #keptBytes(): number {
    return this.image.pages * PAGE_BYTES + this.#context.settings.keptGrowthBytes;
  }

  #function(name: string): GuestFunction {
    const found = this.exports[name];
    if (typeof found !== "function") throw new TypeError(`The module has no exported function "${name}"`);
    return found as GuestFunction;
  }

  #imports(): WebAssembly.Imports {
    const imports: WebAssembly.Imports = {
      [HOST_MODULE]: {
        [HOST_IMPORTS.memory]: this.memory,
        [HOST_IMPORTS.epoch]: this.#context.epoch.memory,
        [HOST_IMPORTS.overrun]: this.#overrun(),
      },
    };
    const hosts = new Map<string, Readonly<Record<string, HostFunction>>>();
    for (const { module, name } of this.image.imports) {
      const functions = (imports[module] ??= {});
      functions[name] = this.#import(module, name, hosts);
    }
    return imports;
  }

  #import(module: string, name: string, hosts: Map<string, Readonly<Record<string, HostFunction>>>): Function {
    if (isWasiModule(module)) {
      return this.#hostFunction(module, name, this.wasi.find(module, name), WAITING_FUNCTIONS.has(name));
    }
    const host = this.#context.hostModules.get(module);
    if (host && !hosts.has(module)) hosts.set(module, host.instantiate(this.#hostInstance()));
    return this.#hostFunction(module, name, hosts.get(module)?.[name], host?.suspending.has(name) === true);
  }

  #hostFunction(module: string, name: string, run: AnyHostFunction | undefined, mayWait: boolean): Function {
    if (!run) throw new UnusableModuleError(`The module imports "${name}" from "${module}", which it does not have`);
    const fail = (error: unknown) => this.#running().fail(error);
    if (!mayWait) return guarded(run, fail);
    const wait = waiting(run, fail, (event) => this.#running().wait(event));
    if (this.lane === "sliced") return new WebAssembly.Suspending(wait) as unknown as Function;
    return this.lane === "blocking" ? this.#renewing(wait) : wait;
  }

  /** The epoch's lease may have run out while the thread was blocked. */
  #renewing(run: (...args: readonly unknown[]) => unknown): Function {
    return (...args: readonly unknown[]) => {
      const result = run(...args);
      this.#context.epoch.renew();
      return result;
    };
  }

  #overrun(): WebAssembly.ImportValue {
    if (this.lane !== "sliced") return () => void this.#decide();
    return suspendingOverrun(
      () => this.#decide(),
      () => this.#running().pause(),
    );
  }

  /**
   * Answers whether to suspend. V8 refuses that below a frame of JavaScript, so a nested call runs on over the end of its slice,
   * for a short time of its own; after that the run ends.
   */
  #decide(): boolean {
    const occupant = this.#running();
    const isSliceOver = occupant.overrun();
    if (!isSliceOver || this.#nestedCalls === 0) return isSliceOver;
    if (this.#context.clock.monotonic() < this.#nestedUntilMs) return false;
    throw occupant.fail(new Error("an export called by a host function took too long"));
  }

  #hostInstance(): HostInstance {
    return {
      memory: this.memory,
      invocation: () => this.#running().invocation,
      signal: () => this.#running().signal(),
      call: (name, ...args) => this.#callNested(name, args),
    };
  }

  #callNested(name: string, args: readonly (number | bigint)[]): unknown {
    const run = this.#function(name);
    const { clock, settings } = this.#context;
    if (this.#nestedCalls++ === 0) this.#nestedUntilMs = clock.monotonic() + settings.nestedCallMs;
    try {
      return run(...args);
    } finally {
      this.#nestedCalls--;
    }
  }

  #running(): Occupant {
    if (this.#occupant) return this.#occupant;
    throw new Error("A guest called its host while no run was on its instance");
  }
}

function emptyMemory(): WebAssembly.Memory {
  noMemory ??= new WebAssembly.Memory({ initial: 0, maximum: 0 });
  return noMemory;
}

function instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Exports {
  try {
    return new WebAssembly.Instance(module, imports).exports;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError || error instanceof WebAssembly.RuntimeError) {
      throw new UnusableModuleError(`The module cannot be instantiated: ${error.message}`);
    }
    throw error;
  }
}
