import { GUEST_MEMORY_FLAGS, GUEST_STACK_FLAGS } from "../../engine/index.ts";

/** Options with which Node runs the shim. */
export const SHIM_NODE_FLAGS: readonly string[] = [
  // node:ffi, and in a checkout the stripping of types.
  "--disable-warning=ExperimentalWarning",
  // A configuration file that may not be read ends Node with exit code 13; a missing one is no error. Guests use no TLS of ours.
  "--openssl-config=/dev/null",
  ...GUEST_STACK_FLAGS,
  ...GUEST_MEMORY_FLAGS,
];
