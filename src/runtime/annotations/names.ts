/** Annotation names this runtime reads; docs/reference/annotations.md describes them. */
export const ANNOTATIONS = {
  /** Listen address of a WAGI pod, `IP:port`. */
  defaultHost: "alpha.wagi.krustlet.dev/default-host",
  /** JSON object from container name to its WAGI module. */
  modules: "alpha.wagi.krustlet.dev/modules",
  /** Krustlet's outbound HTTP for commands. */
  allowedDomains: "alpha.wasi.krustlet.dev/allowed-domains",
  maxConcurrentRequests: "alpha.wasi.krustlet.dev/max-concurrent-requests",
  /** Id of the sandbox whose listener this one takes over once all its modules serve. */
  takeover: "wasipool.dev/takeover",
} as const;

/** Every other annotation under this prefix must be one of `LIMITS`: a misspelt limit must not pass unseen. */
export const OWN_PREFIX = "wasipool.dev/";
