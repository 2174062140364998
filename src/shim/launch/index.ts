export { launchShim, type LaunchedShim, type LaunchOptions } from "./launch-shim.ts";
export { type Identity, type LaunchResult, PACKETS_FD, STREAM_FD } from "./plan.ts";
