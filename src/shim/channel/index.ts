export { duplicate, receiveDescriptors, sendDescriptors, socketPair } from "./descriptors.ts";
export { MessageStream } from "./message-stream.ts";
export { ProtocolError } from "./protocol-error.ts";
export { frameOf, readRuntimeMessage, readShimMessage, type RuntimeMessage, type ShimMessage } from "./wire.ts";
