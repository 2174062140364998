export type * from "./protocol.ts";
export { type ClientNotice, type ResultOf, type ShimClient, ShimError, type ShimOptions } from "./shim-client.ts";
