import { pino } from "pino";

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logs: a constant message in lower case and fields. Never a secret among them. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

export type LogLevel = "error" | "info" | "debug" | "silent";

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

/** A logger for tests and for callers that want none. */
export const silentLogger: Logger = { error: () => {}, info: () => {}, debug: () => {} };
