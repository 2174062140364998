export { DEFAULT_WASI_LIMITS, type WasiLimits } from "./limits.ts";
export {
  createPreview1Host,
  isWasiFunction,
  type Preview1Host,
  type Preview1Options,
  WASI_MODULES,
} from "./preview1/host.ts";
export { ProcExit, WouldBlock } from "./preview1/unwinding.ts";
export { type ByteSink, type ByteSource, type Preopen, SinkFull, type WasiProcess } from "./process.ts";
