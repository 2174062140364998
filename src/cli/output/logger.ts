import { pino } from "pino";
import type { Logger } from "../../base/index.ts";

type LogLevel = "error" | "info" | "debug" | "silent";

/** A logger that writes JSON lines to descriptor `fd`. @default fd 2 */
export function createLogger(level: LogLevel, fd = 2): Logger {
  const sink = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd, sync: true }),
  );
  return {
    error: (message, fields) => sink.error(fields ?? {}, message),
    info: (message, fields) => sink.info(fields ?? {}, message),
    debug: (message, fields) => sink.debug(fields ?? {}, message),
  };
}
