/** Options with which Node runs the shim. */
export const SHIM_NODE_FLAGS: readonly string[] = [
  // node:ffi, and in a checkout the stripping of types.
  "--disable-warning=ExperimentalWarning",
  // A configuration file that may not be read ends Node with exit code 13; a missing one is no error. Guests use no TLS of ours.
  "--openssl-config=/dev/null",
  // V8 else collects garbage for every 64 MB of declared guest memory, whatever was touched.
  "--external-memory-accounted-in-global-limit",
];
