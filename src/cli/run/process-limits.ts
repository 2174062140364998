import { InvalidArgumentError } from "commander";
import type { ShimSettings } from "../../shim/index.ts";
import { byteSize, count, durationMs } from "../values.ts";

type Unit = "duration" | "bytes" | "count";

/** One limit of the process that runs guests: where it goes and how its value is written. */
interface ProcessLimit {
  readonly group: "http" | "outbound" | "wasi" | "process";
  readonly field: string;
  readonly unit: Unit;
}

const limit = (group: ProcessLimit["group"], field: string, unit: Unit): ProcessLimit => ({ group, field, unit });

/** Limits of the whole process by the names that `--limit` takes; docs/reference/limits.md says what each protects. */
export const PROCESS_LIMITS: Readonly<Record<string, ProcessLimit>> = {
  "http.request-line": limit("http", "maxRequestLineBytes", "bytes"),
  "http.headers": limit("http", "maxHeaderBytes", "bytes"),
  "http.header-count": limit("http", "maxHeaderCount", "count"),
  "http.chunk-extensions": limit("http", "maxChunkExtensionBytes", "bytes"),
  "http.header-timeout": limit("http", "headerTimeoutMs", "duration"),
  "http.body-timeout": limit("http", "bodyTimeoutMs", "duration"),
  "http.idle-timeout": limit("http", "idleTimeoutMs", "duration"),
  "http.write-timeout": limit("http", "writeTimeoutMs", "duration"),
  "http.linger-timeout": limit("http", "lingerTimeoutMs", "duration"),
  "http.connections": limit("http", "maxConnections", "count"),
  "http.batch": limit("http", "maxBatch", "count"),
  "http.buffered": limit("http", "maxBufferedBytes", "bytes"),
  "outbound.connect-timeout": limit("outbound", "connectTimeoutMs", "duration"),
  "outbound.total-timeout": limit("outbound", "totalTimeoutMs", "duration"),
  "outbound.url": limit("outbound", "maxUrlBytes", "bytes"),
  "outbound.request-headers": limit("outbound", "maxRequestHeaderBytes", "bytes"),
  "outbound.request-body": limit("outbound", "maxRequestBytes", "bytes"),
  "outbound.response-headers": limit("outbound", "maxResponseHeaderBytes", "bytes"),
  "outbound.response-body": limit("outbound", "maxResponseBytes", "bytes"),
  "outbound.redirects": limit("outbound", "maxRedirects", "count"),
  "outbound.calls": limit("outbound", "maxCalls", "count"),
  "outbound.buffered": limit("outbound", "maxBufferedBytes", "bytes"),
  "wasi.open-files": limit("wasi", "openFiles", "count"),
  "wasi.io": limit("wasi", "ioBytes", "bytes"),
  "wasi.buffers": limit("wasi", "iovecs", "count"),
  "wasi.subscriptions": limit("wasi", "subscriptions", "count"),
  "wasi.random": limit("wasi", "randomBytes", "bytes"),
  "wasi.strings": limit("wasi", "stringBytes", "bytes"),
  "process.instances": limit("process", "maxInstances", "count"),
  "process.stderr": limit("process", "maxStderrBytes", "bytes"),
};

const PARSERS: Readonly<Record<Unit, (text: string) => number>> = { duration: durationMs, bytes: byteSize, count };

/** Reads `NAME=VALUE` texts. Throws InvalidArgumentError that names the limit, or all limits when there is no such one. */
export function parseProcessLimits(texts: readonly (readonly [name: string, value: string])[]): ShimSettings {
  const groups: Record<ProcessLimit["group"], Record<string, number>> = {
    http: {},
    outbound: {},
    wasi: {},
    process: {},
  };
  for (const [name, value] of texts) {
    const known = PROCESS_LIMITS[name];
    if (!known) {
      throw new InvalidArgumentError(
        `There is no limit "${name}"; there are ${Object.keys(PROCESS_LIMITS).join(", ")}.`,
      );
    }
    groups[known.group][known.field] = parsed(name, known.unit, value);
  }
  const { process, ...rest } = groups;
  return { ...rest, ...process };
}

function parsed(name: string, unit: Unit, value: string): number {
  try {
    return PARSERS[unit](value);
  } catch (error) {
    throw error instanceof InvalidArgumentError ? new InvalidArgumentError(`Limit ${name}: ${error.message}`) : error;
  }
}
