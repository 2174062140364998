const KiB = 1024;
const MiB = 1024 * KiB;

/** Bounds on what a registry, a layout or an image may cost. All sizes in bytes, all times in milliseconds. */
export interface ImageLimits {
  /** A manifest or index; read whole into memory. The size registries themselves accept. @default 4 MiB */
  readonly maxManifestBytes: number;
  /** A config blob; read whole into memory. @default 1 MiB */
  readonly maxConfigBytes: number;
  /** The answer of a token server; read whole into memory. @default 64 KiB */
  readonly maxTokenBytes: number;
  /** The body of an error answer that is read for its message; the rest is dropped. @default 16 KiB */
  readonly maxErrorBytes: number;
  /** All headers of one response; undici's own check. @default 32 KiB */
  readonly maxHeaderBytes: number;
  /** One layer, which fills the disk. @default 256 MiB */
  readonly maxLayerBytes: number;
  /** What the tar layers of one image may unpack to, read but not kept: a zip bomb costs time. @default 1 GiB */
  readonly maxUnpackedBytes: number;
  /** Files in the tar layers of one image. @default 100,000 */
  readonly maxTarEntries: number;
  /** Layers in a manifest, or manifests in an index. @default 1,000 */
  readonly maxDescriptors: number;
  /** Redirects followed for one request. @default 5 */
  readonly maxRedirects: number;
  /** Attempts at one request, and connections for one blob. @default 6 */
  readonly maxAttempts: number;
  /** Longest wait that a registry may ask for by Retry-After; more is an error at once. @default 60 s */
  readonly maxRetryAfterMs: number;
  /** TCP and TLS handshake. @default 10 s */
  readonly connectTimeoutMs: number;
  /** From the request sent to the headers of its response. @default 30 s */
  readonly headersTimeoutMs: number;
  /** Silence within a body. @default 30 s */
  readonly idleTimeoutMs: number;
  /** Slowest body, as bytes a second over a window of 30 s: a drip holds a connection for ever. @default 1 KiB */
  readonly minBytesPerSecond: number;
  /** Blobs downloaded or uploaded at a time. @default 4 */
  readonly maxParallelTransfers: number;
}

export const DEFAULT_LIMITS: ImageLimits = {
  maxManifestBytes: 4 * MiB,
  maxConfigBytes: MiB,
  maxTokenBytes: 64 * KiB,
  maxErrorBytes: 16 * KiB,
  maxHeaderBytes: 32 * KiB,
  maxLayerBytes: 256 * MiB,
  maxUnpackedBytes: 1024 * MiB,
  maxTarEntries: 100_000,
  maxDescriptors: 1000,
  maxRedirects: 5,
  maxAttempts: 6,
  maxRetryAfterMs: 60_000,
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  minBytesPerSecond: KiB,
  maxParallelTransfers: 4,
};
