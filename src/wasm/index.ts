export { UnsupportedModuleError } from "./errors.ts";
export { instrument, type InstrumentedModule, type InstrumentOptions, LAYOUT_VERSION } from "./instrument.ts";
export type { ExternalKind } from "./imports.ts";
export { detectKind, type FileKind } from "./kind.ts";
export { type GlobalType, HOST_EXPORTS, HOST_IMPORTS, HOST_MODULE, type StateLayout } from "./layout.ts";
export { MAX_INSTRUMENTED_BYTES, MAX_MODULE_BYTES, MAX_RECYCLED_GLOBALS, MAX_TABLE_ENTRIES } from "./limits.ts";
export { type ModuleExport, type ModuleImport, type ModuleInfo, readModule, type SizedEntity } from "./read-module.ts";
export type { ReadOptions } from "./structure.ts";
export type { FunctionType, ValueType } from "./types.ts";
