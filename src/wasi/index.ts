export { type ByteSink, type ByteSource, type Preopen, SinkFull } from "./process.ts";
