export { startShim } from "./client/supervised-shim.ts";
export type * from "./protocol.ts";
export type { ShimSettings } from "./settings.ts";
export { type ClientNotice, type ResultOf, type ShimClient, ShimError, type ShimOptions } from "./shim-client.ts";
