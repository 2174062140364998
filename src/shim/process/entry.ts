import { entryUrl } from "../../base/index.ts";

/** First file of the shim process. */
export function processEntryUrl(): URL {
  return entryUrl(import.meta.url, "shim-process.entry");
}

/** First file of a gateway worker. */
export function gatewayWorkerUrl(): URL {
  return entryUrl(import.meta.url, "gateway-worker.entry");
}

/** First file of a command's worker. */
export function commandWorkerUrl(): URL {
  return entryUrl(import.meta.url, "command-worker.entry");
}
