export type LogFields = Readonly<Record<string, unknown>>;

/** Structured logs: a constant message in lower case and fields. Never a secret among them. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/** A logger for tests and for callers that want none. */
export const silentLogger: Logger = { error: () => {}, info: () => {}, debug: () => {} };
