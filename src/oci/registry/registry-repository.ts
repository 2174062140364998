import { Readable } from "node:stream";
import { RegistryError } from "../errors.ts";
import { ACCEPTED_MANIFESTS } from "../manifest/media-types.ts";
import { type Digest, digestOf, isDigest } from "../reference/digest.ts";
import type { BlobSource, FetchedManifest, ReadableRepository, WritableRepository } from "../repository.ts";
import type { BlobId } from "../store/blob-folder.ts";
import { downloadBlob } from "./blob-download.ts";
import { type RegistryContext, RegistrySession, resolveLocation, type SessionOptions } from "./registry-session.ts";
import { networkError } from "./failure.ts";
import { TransientError, withRetries } from "./retry.ts";

/** Piece of an upload for registries that do not take a blob in one request. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Answers to an upload in one request that say the registry wants it otherwise. */
const WANTS_CHUNKS: readonly number[] = [404, 405, 411, 413, 415, 416, 501];

/** One repository of a registry, by the OCI distribution specification 1.1. */
export class RegistryRepository implements ReadableRepository, WritableRepository {
  readonly place: string;
  readonly #context: RegistryContext;
  readonly #session: RegistrySession;
  readonly #repository: string;
  /** Repository of the same registry that may hold the blobs already. */
  readonly #mountFrom: string | undefined;

  constructor(context: RegistryContext, options: SessionOptions, mountFrom?: string) {
    this.place = `registry ${options.endpoint.registry}`;
    this.#context = context;
    this.#session = new RegistrySession(context, options);
    this.#repository = options.repository;
    this.#mountFrom = mountFrom;
  }

  async manifest(tagOrDigest: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const action = `get the manifest of ${this.#named(tagOrDigest)}`;
    const { maxManifestBytes } = this.#context.limits;
    return withRetries(this.#session.retryOptions(signal), async () => {
      const answer = await this.#session.sendOnce({
        method: "GET",
        target: `${this.#repository}/manifests/${tagOrDigest}`,
        headers: { accept: ACCEPTED_MANIFESTS.join(", ") },
        expected: [200],
        action,
        signal,
      });
      const bytes = await answer
        .bytes(maxManifestBytes, `The manifest of ${this.#named(tagOrDigest)}`)
        .catch((error) => {
          throw networkError(error, { action, url: answer.url, signal });
        });
      const digest = digestOf(bytes);
      const told = answer.header("docker-content-digest");
      if (told !== undefined && isDigest(told) && told !== digest) {
        throw new RegistryError("BAD_DIGEST", `Cannot ${action}: it has digest ${digest}, ${this.place} says ${told}`);
      }
      const mediaType = answer.header("content-type");
      return { bytes, digest, ...(mediaType === undefined ? {} : { mediaType }) };
    });
  }

  async digestOfTag(tag: string, signal?: AbortSignal): Promise<Digest | undefined> {
    const answer = await this.#session.send({
      method: "HEAD",
      target: `${this.#repository}/manifests/${tag}`,
      headers: { accept: ACCEPTED_MANIFESTS.join(", ") },
      expected: [200, 405],
      action: `look ${this.#named(tag)} up`,
      signal,
    });
    await answer.drop();
    const told = answer.header("docker-content-digest");
    return answer.status === 200 && told !== undefined && isDigest(told) ? told : undefined;
  }

  blob(blob: BlobId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const { clock, limits } = this.#context;
    const path = `${this.#repository}/blobs/${blob.digest}`;
    const action = `get blob ${blob.digest} of ${this.#named()}`;
    return downloadBlob({ session: this.#session, path, blob, action, clock, limits, signal });
  }

  async hasBlob({ digest, size }: BlobId, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#session.send({
      method: "HEAD",
      target: `${this.#repository}/blobs/${digest}`,
      headers: {},
      expected: [200, 404],
      action: `look blob ${digest} of ${this.#named()} up`,
      signal,
    });
    await answer.drop();
    const length = answer.header("content-length");
    return answer.status === 200 && (length === undefined || Number(length) === size);
  }

  putBlob(blob: BlobId, source: BlobSource, signal?: AbortSignal): Promise<void> {
    return withRetries(this.#session.retryOptions(signal), () => this.#upload(blob, source, signal));
  }

  async putManifest({ bytes, digest, mediaType }: FetchedManifest, tag: string | undefined, signal?: AbortSignal) {
    const action = `push the manifest of ${this.#named(tag ?? digest)}`;
    const answer = await this.#session.send({
      method: "PUT",
      target: `${this.#repository}/manifests/${tag ?? digest}`,
      headers: { "content-type": mediaType ?? "application/vnd.oci.image.manifest.v1+json" },
      body: bytes,
      expected: [200, 201],
      action,
      signal,
    });
    await answer.drop();
    const told = answer.header("docker-content-digest");
    if (told !== undefined && isDigest(told) && told !== digest) {
      throw new RegistryError(
        "BAD_DIGEST",
        `Cannot ${action}: ${this.place} stored it with digest ${told} instead of ${digest}`,
      );
    }
  }

  async #upload(blob: BlobId, source: BlobSource, signal: AbortSignal | undefined): Promise<void> {
    const started = await this.#startUpload(blob, signal);
    if (!started) return;
    const action = `push blob ${blob.digest} to ${this.#named()}`;
    const headers = { "content-type": "application/octet-stream", "content-length": String(blob.size) };
    const body = Readable.from(source(), { objectMode: false });
    const target = withDigest(started, blob.digest);
    const expected = [201, ...WANTS_CHUNKS];
    const answer = await this.#session.sendOnce({ method: "PUT", target, headers, body, expected, action, signal });
    await answer.drop();
    if (answer.status === 201) return;
    const again = await this.#startUpload(blob, signal);
    if (again) await this.#uploadInChunks(again, { blob, source, action, signal });
  }

  /** Where to upload to; undefined when the registry took the blob over from another of its repositories. */
  async #startUpload({ digest }: BlobId, signal: AbortSignal | undefined): Promise<URL | undefined> {
    const from = this.#mountFrom;
    const query = from === undefined ? "" : `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
    const action = `start a push of blob ${digest} to ${this.#named()}`;
    const answer = await this.#session.sendOnce({
      method: "POST",
      target: `${this.#repository}/blobs/uploads/${query}`,
      headers: {},
      expected: from === undefined ? [202] : [201, 202],
      action,
      signal,
    });
    await answer.drop();
    return answer.status === 201 ? undefined : this.#location(answer.header("location"), answer.url, action);
  }

  async #uploadInChunks(
    start: URL,
    {
      blob,
      source,
      action,
      signal,
    }: { blob: BlobId; source: BlobSource; action: string; signal: AbortSignal | undefined },
  ): Promise<void> {
    let target = start;
    let sent = 0;
    for await (const chunk of pieces(source(), CHUNK_BYTES)) {
      const range = `${sent}-${sent + chunk.length - 1}`;
      const headers = { "content-type": "application/octet-stream", "content-range": range };
      const request = { method: "PATCH", target, headers, body: chunk, expected: [202], action, signal } as const;
      const answer = await this.#session.sendOnce(request);
      await answer.drop();
      target = this.#location(answer.header("location"), answer.url, action);
      sent += chunk.length;
    }
    const end = withDigest(target, blob.digest);
    const done = { method: "PUT", target: end, headers: {}, expected: [201], action, signal } as const;
    await (await this.#session.sendOnce(done)).drop();
  }

  #location(header: string | undefined, from: URL, action: string): URL {
    if (header !== undefined) return resolveLocation(header, from);
    const error = `Cannot ${action}: ${this.place} does not say where to upload to`;
    throw new TransientError(new RegistryError("UNEXPECTED_RESPONSE", error));
  }

  #named(tagOrDigest?: string): string {
    const name = `${this.#session.endpoint.registry}/${this.#repository}`;
    if (tagOrDigest === undefined) return name;
    return `${name}${isDigest(tagOrDigest) ? "@" : ":"}${tagOrDigest}`;
  }
}

function withDigest(url: URL, digest: Digest): URL {
  const target = new URL(url);
  target.searchParams.set("digest", digest);
  return target;
}

/**
 * Cuts content anew.
 * @yields the same bytes in pieces of `size`, the last one smaller
 */
async function* pieces(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    held.push(chunk);
    bytes += chunk.length;
    while (bytes >= size) {
      const whole = Buffer.concat(held, bytes);
      yield whole.subarray(0, size);
      held = [whole.subarray(size)];
      bytes -= size;
    }
  }
  if (bytes > 0) yield Buffer.concat(held, bytes);
}
