import type { HostModule, PreparedModule } from "../guest.ts";
import { HOST_MODULE, type StateLayout } from "../../wasm/index.ts";
import { Snapshot } from "./snapshot.ts";
import { UnusableModuleError } from "./unusable-module-error.ts";

/** WASI preview 1 under its two names; `wasi_unstable` is what modules of 2019 and 2020 import. */
const WASI_MODULES = ["wasi_snapshot_preview1", "wasi_unstable"] as const;

export function isWasiModule(name: string): name is (typeof WASI_MODULES)[number] {
  return (WASI_MODULES as readonly string[]).includes(name);
}

/** What all instances of one module on a thread share. */
export class Image {
  readonly digest: string;
  readonly module: WebAssembly.Module;
  readonly layout: StateLayout;
  /** What it imports beside `HOST_MODULE`. */
  readonly imports: readonly WebAssembly.ModuleImportDescriptor[];
  /** Whether it imports a host function that answers with promises, so that a run of it must not be started twice. */
  readonly mayWait: boolean;
  /** Why instances cannot be used again; the first one may add to what instrumenting found. */
  obstacle: string | undefined;
  /** Why no instance can be made; found by the first attempt. */
  fault: UnusableModuleError | undefined;
  readonly #functions: ReadonlySet<string>;
  #snapshot: Snapshot | undefined;

  /** Throws `UnusableModuleError` for imports that nobody offers. */
  constructor({ digest, module, layout }: PreparedModule, hostModules: ReadonlyMap<string, HostModule>) {
    this.digest = digest;
    this.module = module;
    this.layout = layout;
    this.obstacle = layout.freshOnly[0];
    this.imports = WebAssembly.Module.imports(module).filter((each) => each.module !== HOST_MODULE);
    for (const descriptor of this.imports) checkImport(descriptor, hostModules);
    this.mayWait = this.imports.some(({ module: from, name }) => hostModules.get(from)?.suspending.has(name));
    const exported = WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function");
    this.#functions = new Set(exported.map(({ name }) => name));
  }

  get pages(): number {
    return this.layout.memory?.minPages ?? 0;
  }

  exportsFunction(name: string): boolean {
    return this.#functions.has(name);
  }

  /** Throws `UnusableModuleError` when there is no such function. */
  requireEntrypoint(name: string): void {
    if (!this.#functions.has(name)) throw new UnusableModuleError(`The module exports no function "${name}"`);
  }

  /** The memory of a new instance, taken from the first one that asks. */
  snapshotOf(memory: WebAssembly.Memory): Snapshot {
    this.#snapshot ??= new Snapshot(memory.buffer);
    return this.#snapshot;
  }

  /** Closes what only mapping needs; it is made again when asked for. */
  closeFile(): void {
    this.#snapshot?.close();
  }
}

function checkImport(
  { module, name, kind }: WebAssembly.ModuleImportDescriptor,
  hostModules: ReadonlyMap<string, HostModule>,
): void {
  const isOffered = isWasiModule(module) || hostModules.has(module);
  if (kind === "function" && isOffered) return;
  const what = kind === "function" ? "which this runtime does not offer" : `a ${kind}; only functions can be imported`;
  throw new UnusableModuleError(`The module imports "${name}" from "${module}", ${what}`);
}
