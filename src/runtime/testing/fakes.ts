// Doubles for tests of this module: a shim that notes what it is asked, and images that are files of the checkout.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { CriError } from "../../cri/index.ts";
import { type ClientNotice, type Request, type ResultOf, type ShimClient, ShimError } from "../../shim/index.ts";
import type { ImageSource, StoredImage } from "../images/index.ts";

/** Answers every request with success unless told otherwise, and ends containers when asked to. */
export class FakeShim implements ShimClient {
  pid: number | undefined = 42;
  readonly requests: { readonly request: Request; readonly fds: number }[] = [];
  /** Refusals by operation. */
  readonly refusals = new Map<Request["op"], ShimError>();
  /** Containers that do not end when they are stopped. */
  isDeaf = false;
  /** Operations that are never answered. */
  readonly silent = new Set<Request["op"]>();
  notify: (notice: ClientNotice) => void | Promise<void> = () => {};

  request<R extends Request>(request: R, fds: readonly number[] = []): Promise<ResultOf<R>> {
    this.requests.push({ request, fds: fds.length });
    const refusal = this.refusals.get(request.op);
    if (refusal) return Promise.reject(refusal);
    if (this.silent.has(request.op)) return new Promise(() => {});
    if (request.op === "stop-container" && !this.isDeaf) this.#exit(request.container);
    return Promise.resolve(answer(request) as ResultOf<R>);
  }

  refuse(op: Request["op"], message: string, code: ShimError["code"] = "unusable"): void {
    this.refusals.set(op, new ShimError(code, message));
  }

  ops(): Request["op"][] {
    return this.requests.map(({ request }) => request.op);
  }

  last<Op extends Request["op"]>(op: Op): Extract<Request, { op: Op }> {
    const found = this.requests.findLast(({ request }) => request.op === op)?.request;
    if (!found) throw new Error(`Nobody asked the shim for ${op}`);
    return found as Extract<Request, { op: Op }>;
  }

  async close(): Promise<void> {
    this.pid = undefined;
  }

  #exit(container: string): void {
    const exit = { exitCode: 0, reason: "Completed", message: "" };
    setImmediate(() => void this.notify({ event: "exited", container, exit }));
  }
}

function answer(request: Request) {
  if (request.op === "start-wagi")
    return { routes: [{ route: request.wagi.route, entrypoint: request.wagi.entrypoint }] };
  return request.op === "stats" ? { cpuMs: 12.5, memoryBytes: 65_536, requests: 3, failures: 1 } : undefined;
}

/** Images by the name of a file in `guests/`: `test/echo` is guests/test/echo.wasm. */
export class GuestImages implements ImageSource {
  /** Leases held, by digest. */
  readonly leases = new Map<string, number>();
  readonly #leased = Promise.withResolvers<void>();
  /** Resolves with the first lease. */
  readonly leased = this.#leased.promise;
  readonly #cache: string;
  readonly #pulled = new Map<string, StoredImage>();

  constructor(cache: string) {
    this.#cache = cache;
  }

  async list(): Promise<readonly StoredImage[]> {
    return [...this.#pulled.values()];
  }

  async find(image: string): Promise<StoredImage | undefined> {
    return this.#pulled.get(image) ?? [...this.#pulled.values()].find(({ digest }) => digest === image);
  }

  async pull(image: string, options: Parameters<ImageSource["pull"]>[1]): Promise<StoredImage> {
    const modulePath = image.startsWith("/")
      ? image
      : path.resolve(import.meta.dirname, `../../../guests/${image}.wasm`);
    const bytes = await readFile(modulePath).catch(() => {
      throw new CriError("NOT_FOUND", `No image ${image}`);
    });
    for (const part of [0, 0.5, 1]) options.onProgress(bytes.length * part, bytes.length);
    const moduleDigest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const digest = `sha256:${createHash("sha256").update(image).digest("hex")}`;
    const stored = { digest, repoTags: [image], repoDigests: [], sizeBytes: bytes.length, moduleDigest, modulePath };
    this.#pulled.set(image, stored);
    return stored;
  }

  async remove(image: string): Promise<void> {
    this.#pulled.delete(image);
  }

  async lease({ digest }: StoredImage): Promise<AsyncDisposable> {
    this.leases.set(digest, (this.leases.get(digest) ?? 0) + 1);
    this.#leased.resolve();
    return {
      [Symbol.asyncDispose]: async () => void this.leases.set(digest, (this.leases.get(digest) ?? 0) - 1),
    };
  }

  async usage() {
    return { timestamp: 0n, mountpoint: this.#cache, usedBytes: 0n, inodesUsed: 0n };
  }

  preparedFolder(moduleDigest: string, version: string): string {
    return path.join(this.#cache, version, moduleDigest.replace(":", "-"));
  }
}
