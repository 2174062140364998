import { type BackoffPolicy, backoffDelayMs, type Clock, sleep } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";

/** Between attempts: 200 ms doubling to 10 s, of which a random part is waited (so that clients do not come in step). */
const RETRY_BACKOFF: BackoffPolicy = { initialMs: 200, maxMs: 10_000, resetAfterMs: 0 };

const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** What the network does now and then, by the `code` of Node's and undici's errors. */
const RETRIED_CODES: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_SOCKET",
]);

/** A failure that may pass: the registry was busy, the connection broke. */
export class TransientError extends Error {
  readonly error: RegistryError;
  /** How long the registry asked to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(error: RegistryError, retryAfterMs?: number) {
    super(error.message, { cause: error });
    this.name = "TransientError";
    this.error = error;
    this.retryAfterMs = retryAfterMs;
  }
}

export function isRetriedStatus(status: number): boolean {
  return RETRIED_STATUSES.has(status);
}

/** Whether trying again may help after a request or body failed with this error. */
export function isRetriedError(error: unknown): boolean {
  return RETRIED_CODES.has((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** Reads `Retry-After` (RFC 9110 10.2.3: seconds or a date), in milliseconds from `now`. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export interface RetryOptions {
  readonly clock: Clock;
  readonly limits: ImageLimits;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

/** Counts attempts at one thing and waits between them. */
export class Attempts {
  readonly #options: RetryOptions;
  #failures = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Waits before the next attempt; rethrows what lies behind `error` when it is not transient, or was the last one allowed. */
  async waitAfter(error: unknown): Promise<void> {
    if (!(error instanceof TransientError)) throw error;
    const { clock, limits, signal, random } = this.#options;
    this.#failures += 1;
    if (this.#failures >= limits.maxAttempts) throw error.error;
    const { retryAfterMs = 0 } = error;
    if (retryAfterMs > limits.maxRetryAfterMs) {
      const message = `${error.error.message} (it asks to wait ${Math.ceil(retryAfterMs / 1000)} s)`;
      throw new RegistryError(error.error.code, message, { cause: error.error });
    }
    const delayMs = backoffDelayMs(RETRY_BACKOFF, this.#failures) * (0.5 + random() / 2);
    await sleep(clock, Math.max(delayMs, retryAfterMs), signal);
  }
}

/** Runs `attempt` until it does not throw a TransientError, at most `maxAttempts` times. */
export async function withRetries<Result>(options: RetryOptions, attempt: () => Promise<Result>): Promise<Result> {
  const attempts = new Attempts(options);
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      await attempts.waitAfter(error);
    }
  }
}
