import type { Clock } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import type { BlobId } from "../store/blob-folder.ts";
import { shownUrl } from "./endpoint.ts";
import { networkError } from "./failure.ts";
import type { HttpAnswer } from "./http.ts";
import type { RegistrySession } from "./registry-session.ts";
import { Attempts, TransientError } from "./retry.ts";

/** Over which time the slowest speed is taken. */
const SPEED_WINDOW_MS = 30_000;

export interface BlobDownload {
  readonly session: RegistrySession;
  readonly path: string;
  readonly blob: BlobId;
  readonly action: string;
  readonly clock: Clock;
  readonly limits: ImageLimits;
  readonly signal: AbortSignal | undefined;
}

/**
 * Downloads a blob; when the connection breaks it goes on where it was (Range), or, if the server sends all again, drops what it
 * has. Sizes are checked here, the digest by whoever takes the bytes.
 * @yields the blob's bytes in order, each once
 */
export async function* downloadBlob(download: BlobDownload): AsyncGenerator<Uint8Array> {
  const { session, blob, signal } = download;
  const attempts = new Attempts(session.retryOptions(signal));
  let received = 0;
  while (received < blob.size) {
    try {
      for await (const chunk of readFrom(download, received)) {
        received += chunk.length;
        yield chunk;
      }
    } catch (error) {
      await attempts.waitAfter(error);
    }
  }
}

/**
 * One connection's part of a download.
 * @yields the bytes from `start` on; throws TransientError when they end before the blob does
 */
async function* readFrom(download: BlobDownload, start: number): AsyncGenerator<Uint8Array> {
  const { session, blob, action, signal } = download;
  const answer = await session.sendOnce({
    method: "GET",
    target: download.path,
    headers: start === 0 ? {} : { range: `bytes=${start}-` },
    expected: start === 0 ? [200] : [200, 206],
    action,
    signal,
  });
  let position = answer.status === 206 ? start : 0;
  try {
    checkAnnounced(answer, position, blob, action);
    for await (const chunk of atSpeed(answer, download)) {
      const skipped = Math.min(chunk.length, Math.max(0, start - position));
      position += chunk.length;
      if (position > blob.size) throw badSize(action, answer, `more than the ${blob.size} bytes`);
      if (skipped < chunk.length) yield chunk.subarray(skipped);
    }
  } catch (error) {
    await answer.drop();
    throw networkError(error, { action, url: answer.url, signal });
  }
  if (position === blob.size) return;
  throw new TransientError(badSize(action, answer, `${position} of the ${blob.size} bytes`));
}

function checkAnnounced(answer: HttpAnswer, position: number, { size }: BlobId, action: string): void {
  const range = answer.header("content-range");
  if (answer.status === 206 && !range?.startsWith(`bytes ${position}-`)) {
    throw badSize(action, answer, `another part (${range?.slice(0, 60) ?? "unnamed"}) than the one asked for, instead`);
  }
  const length = answer.header("content-length");
  if (length !== undefined && Number(length) !== size - position) {
    throw badSize(action, answer, `${Number(length) + position} bytes instead of the ${size}`);
  }
}

function badSize(action: string, answer: HttpAnswer, what: string): RegistryError {
  return new RegistryError(
    "BAD_SIZE",
    `Cannot ${action}: ${shownUrl(answer.url)} sent ${what} that its manifest names`,
  );
}

/**
 * Gives a body up that drips: it would hold a connection, a file and a place in the queue for ever.
 * @yields the body's bytes
 */
async function* atSpeed(answer: HttpAnswer, { clock, limits, action }: BlobDownload): AsyncGenerator<Uint8Array> {
  let windowStart = clock.monotonic();
  let bytes = 0;
  for await (const chunk of answer.body) {
    bytes += chunk.length;
    yield chunk;
    const elapsedMs = clock.monotonic() - windowStart;
    if (elapsedMs < SPEED_WINDOW_MS) continue;
    if (bytes < (limits.minBytesPerSecond * elapsedMs) / 1000) {
      throw new RegistryError(
        "UNAVAILABLE",
        `Cannot ${action}: ${shownUrl(answer.url)} sends fewer than ${limits.minBytesPerSecond} bytes a second`,
      );
    }
    windowStart = clock.monotonic();
    bytes = 0;
  }
}
