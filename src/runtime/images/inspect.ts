import { detectKind, type FileKind, type ModuleInfo, readModule } from "../../wasm/index.ts";
import { HOST_FUNCTIONS } from "./host-functions.ts";

/** What a file is and whether it can run here. Plain data. */
export interface Inspection {
  readonly kind: FileKind;
  /** WASI version its imports ask for; undefined for a module without WASI. */
  readonly wasi?: "preview1" | "unstable" | "preview2 or later";
  readonly bytes: number;
  readonly imports: readonly ImportView[];
  readonly exports: readonly ExportView[];
  /** Its memory, in bytes. */
  readonly memory?: { readonly minBytes: number; readonly maxBytes?: number };
  readonly hasStart: boolean;
  /** Prints routes of its own when asked (`_routes`, spec/wagi.md 4.4). */
  readonly hasRoutes: boolean;
  /** Why it cannot run here, one sentence each; empty when it can. */
  readonly problems: readonly string[];
}

export interface ImportView {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
  /** This runtime has it. */
  readonly isProvided: boolean;
}

export interface ExportView {
  readonly name: string;
  readonly kind: string;
  /** A function without parameters and results: what can be an entry point. */
  readonly isEntrypoint: boolean;
}

const PAGE_BYTES = 65_536;

/** Looks at a file without running it. Never throws for what the file holds. */
export function inspectModule(bytes: Uint8Array): Inspection {
  const kind = detectKind(bytes);
  const base = { kind, bytes: bytes.length, imports: [], exports: [], hasStart: false, hasRoutes: false };
  switch (kind) {
    case "not-wasm":
      return {
        ...base,
        problems: ["It is not WebAssembly: the file does not begin with a module's first eight bytes"],
      };
    case "component":
      return {
        ...base,
        wasi: "preview2 or later",
        problems: ["It is a component (WASI 0.2 or later); only modules of WASI preview 1 run here yet"],
      };
    case "module":
      return inspectCoreModule(bytes);
  }
}

function inspectCoreModule(bytes: Uint8Array): Inspection {
  try {
    return describe(bytes.length, readModule(bytes));
  } catch (error) {
    const problems = [(error as Error).message];
    return {
      kind: "module",
      bytes: bytes.length,
      imports: [],
      exports: [],
      hasStart: false,
      hasRoutes: false,
      problems,
    };
  }
}

function describe(bytes: number, info: ModuleInfo): Inspection {
  const imports = info.imports.map(({ module, name, kind }) => ({
    module,
    name,
    kind,
    isProvided: kind === "function" && HOST_FUNCTIONS[module]?.has(name) === true,
  }));
  const exports = info.exports.map(({ name, kind, type }) => ({
    name,
    kind,
    isEntrypoint: kind === "function" && type?.params.length === 0 && type.results.length === 0,
  }));
  const wasi = wasiVersion(imports);
  const [memory] = info.memories;
  return {
    kind: "module",
    ...(wasi ? { wasi } : {}),
    bytes,
    imports,
    exports,
    ...(memory ? { memory: memoryBytes(memory) } : {}),
    hasStart: info.hasStart,
    hasRoutes: exports.some(({ name, isEntrypoint }) => name === "_routes" && isEntrypoint),
    problems: missing(imports),
  };
}

function memoryBytes({ min, max }: { readonly min: number; readonly max?: number }) {
  return { minBytes: min * PAGE_BYTES, ...(max === undefined ? {} : { maxBytes: max * PAGE_BYTES }) };
}

function wasiVersion(imports: readonly ImportView[]): Inspection["wasi"] {
  const modules = new Set(imports.map(({ module }) => module));
  if (modules.has("wasi_snapshot_preview1")) return "preview1";
  return modules.has("wasi_unstable") ? "unstable" : undefined;
}

const MAX_NAMED = 5;

function missing(imports: readonly ImportView[]): readonly string[] {
  const names = imports.filter(({ isProvided }) => !isProvided).map(({ module, name }) => `${module}.${name}`);
  if (names.length === 0) return [];
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : "";
  return [`It imports what this runtime does not have: ${names.slice(0, MAX_NAMED).join(", ")}${more}`];
}
