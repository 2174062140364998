export type { WasiLimits } from "./limits.ts";
export { createPreview1Host, type Preview1Host, type Preview1Options } from "./preview1/host.ts";
export { ProcExit, WouldBlock } from "./preview1/unwinding.ts";
export { type ByteSink, type ByteSource, type Preopen, SinkFull, type WasiProcess } from "./process.ts";
