/** What calls of guests to other servers may take. Guests and the servers they call are both hostile. */
export interface OutboundLimits {
  /** For resolving the name, connecting and TLS, for each hop. Threat: guests that wait for dead addresses. @default 5,000 -> code 11 */
  readonly connectTimeoutMs: number;
  /** From the guest's call to the last byte of the answer, redirects included. Threat: servers that drip. @default 30,000 -> code 11 */
  readonly totalTimeoutMs: number;
  /** URL of a call or a redirect. @default 8 KiB -> code 10 */
  readonly maxUrlBytes: number;
  /** Header lines of a call. @default 16 KiB -> code 9 */
  readonly maxRequestHeaderBytes: number;
  /** Body of a call. Threat: memory, as bodies are copied out of the guest. @default 10 MiB -> code 11 */
  readonly maxRequestBytes: number;
  /** Header block of an answer, and its trailers. Threat: memory. @default 64 KiB, the guest library's buffer -> code 11 */
  readonly maxResponseHeaderBytes: number;
  /** Body of an answer. Threat: memory, as bodies are read in full before the guest sees them. @default 10 MiB -> code 11 */
  readonly maxResponseBytes: number;
  /** Redirects followed in one call; each is checked as the call itself. @default 10 -> code 11 */
  readonly maxRedirects: number;
  /** Calls under way on this thread. Threat: descriptors. @default 256 -> code 13 */
  readonly maxCalls: number;
  /** Bodies of calls and of open answers held on this thread. Threat: many large ones at once. @default 64 MiB -> code 12 */
  readonly maxBufferedBytes: number;
}

export const DEFAULT_OUTBOUND_LIMITS: OutboundLimits = {
  connectTimeoutMs: 5_000,
  totalTimeoutMs: 30_000,
  maxUrlBytes: 8 * 1024,
  maxRequestHeaderBytes: 16 * 1024,
  maxRequestBytes: 10 * 1024 * 1024,
  maxResponseHeaderBytes: 64 * 1024,
  maxResponseBytes: 10 * 1024 * 1024,
  maxRedirects: 10,
  maxCalls: 256,
  maxBufferedBytes: 64 * 1024 * 1024,
};
