/** What one thread's HTTP front bears from its clients. Every limit has a default that a test holds. */
export interface HttpLimits {
  /** Longest request line. Threat: memory held by unfinished requests. @default 8 KiB -> 414 */
  readonly maxRequestLineBytes: number;
  /** All header lines of a request together, and all trailer lines. Threat: as above. @default 16 KiB -> 431 */
  readonly maxHeaderBytes: number;
  /** Header fields of a request. Threat: environments that take long to build. @default 100 -> 431 */
  readonly maxHeaderCount: number;
  /** Bytes of all chunk extensions of a body; nobody uses them. Threat: endless bodies that count as empty. @default 1 KiB -> 400 */
  readonly maxChunkExtensionBytes: number;
  /** From the first byte of a request's head to its last. Threat: slow clients that hold connections. @default 10,000 -> 408 */
  readonly headerTimeoutMs: number;
  /** From the end of a head to the end of its body. Threat: as above. @default 30,000 -> 408 */
  readonly bodyTimeoutMs: number;
  /** A connection without a request. Threat: as above. @default 75,000 -> closed */
  readonly idleTimeoutMs: number;
  /** A client that takes nothing of its answer. Threat: memory held by answers. @default 20,000 -> cut */
  readonly writeTimeoutMs: number;
  /** How long a connection is still read after its last answer, so that the client sees that answer. @default 2,000 */
  readonly lingerTimeoutMs: number;
  /** Connections of one listening socket on this thread. Threat: descriptors and memory. @default 4,096 -> 503 and closed */
  readonly maxConnections: number;
  /** Requests of one connection that are answered before other connections have a turn. Threat: one pipelining client. @default 16 */
  readonly maxBatch: number;
  /** Requests, answers and output of guests held in memory on this thread. Threat: many large ones at once. @default 256 MiB -> 503 */
  readonly maxBufferedBytes: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxRequestLineBytes: 8 * 1024,
  maxHeaderBytes: 16 * 1024,
  maxHeaderCount: 100,
  maxChunkExtensionBytes: 1024,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  idleTimeoutMs: 75_000,
  writeTimeoutMs: 20_000,
  lingerTimeoutMs: 2_000,
  maxConnections: 4096,
  maxBatch: 16,
  maxBufferedBytes: 256 * 1024 * 1024,
};
