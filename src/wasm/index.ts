export { UnsupportedModuleError } from "./errors.ts";
export { instrument, type InstrumentOptions, LAYOUT_VERSION } from "./instrument.ts";
export { detectKind, type FileKind } from "./kind.ts";
export { HOST_EXPORTS, HOST_IMPORTS, HOST_MODULE, type StateLayout } from "./layout.ts";
export { type ModuleInfo, readModule } from "./read-module.ts";
export type { FunctionType } from "./types.ts";
