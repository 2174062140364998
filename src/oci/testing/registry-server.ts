import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { type Digest, digestOf, isDigest } from "../reference/digest.ts";
import type { ImageFixture } from "./fixture.ts";

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
}

/** Answers a request by itself and says so by true, or leaves it to the server. */
export type Fault = (
  seen: SeenRequest,
  response: http.ServerResponse,
  request: http.IncomingMessage,
) => boolean | Promise<boolean>;

/** How the server wants to be asked. Tokens are `token-<scope>` for who is allowed to. */
export interface ServerAuth {
  readonly kind: "basic" | "bearer";
  readonly username: string;
  readonly password: string;
  /** Pulls need no credentials, but a token all the same. */
  readonly allowsAnonymous?: boolean;
  readonly expiresInS?: number;
  readonly refreshToken?: string;
}

interface StoredManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
}

/** A registry by the OCI distribution specification, in memory, on loopback, that misbehaves on demand. */
export class RegistryServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, StoredManifest>();
  fault: Fault = () => false;
  auth: ServerAuth | undefined;
  /** Refuses blobs in one request, as some registries do. */
  wantsChunks = false;
  readonly #server: http.Server;
  readonly #uploads = new Map<string, Buffer[]>();

  private constructor() {
    this.#server = http.createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        response.destroy(error as Error);
      });
    });
  }

  static async start(): Promise<RegistryServer> {
    const server = new RegistryServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  put(repository: string, tag: string, image: ImageFixture): void {
    const stored = { bytes: Buffer.from(image.manifest), mediaType: image.mediaType };
    this.manifests.set(`${repository}/${tag}`, stored);
    this.manifests.set(`${repository}/${image.digest}`, stored);
    for (const [digest, bytes] of image.blobs) {
      this.blobs.set(`${repository}/${digest}`, Buffer.from(bytes));
      // Manifests of an index are among its blobs.
      const mediaType = /"mediaType":"(application\/vnd[^"]*manifest[^"]*)"/.exec(String(bytes))?.[1];
      if (mediaType) this.manifests.set(`${repository}/${digest}`, { bytes: Buffer.from(bytes), mediaType });
    }
  }

  /** Requests of a kind, such as `GET …/blobs/`. */
  seen(method: string, part: string): readonly SeenRequest[] {
    return this.requests.filter((request) => request.method === method && request.url.includes(part));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    const seen = { method, url, authorization: headers.authorization, range: headers.range };
    this.requests.push(seen);
    if (await this.fault(seen, response, request)) return;
    const { pathname, searchParams } = new URL(url, `http://${this.host}`);
    if (pathname === "/token") return this.#answerToken(request, response, searchParams);
    if (!this.#isAllowed(seen, pathname, response)) return;
    if (pathname === "/v2/") return void response.end("{}");
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/(uploads\/)?([^/]*)$/.exec(pathname);
    if (!match) return notFound(response, "NAME_UNKNOWN");
    const [, repository = "", kind, uploads, name = ""] = match;
    if (uploads) return this.#upload(request, response, repository, name, searchParams);
    if (kind === "manifests") return this.#manifest(request, response, repository, name);
    this.#blob(request, response, `${repository}/${name}`);
  }

  async #manifest(request: http.IncomingMessage, response: http.ServerResponse, repository: string, name: string) {
    if (request.method === "PUT") {
      const bytes = await buffer(request);
      const stored = { bytes, mediaType: request.headers["content-type"] ?? "" };
      this.manifests.set(`${repository}/${name}`, stored);
      this.manifests.set(`${repository}/${digestOf(bytes)}`, stored);
      response.writeHead(201, { "docker-content-digest": digestOf(bytes) }).end();
      return;
    }
    const found = this.manifests.get(`${repository}/${name}`);
    if (!found) return notFound(response, "MANIFEST_UNKNOWN");
    const digest = isDigest(name) ? name : digestOf(found.bytes);
    response.writeHead(200, { "content-type": found.mediaType, "docker-content-digest": digest });
    response.end(request.method === "HEAD" ? undefined : found.bytes);
  }

  #blob(request: http.IncomingMessage, response: http.ServerResponse, key: string): void {
    const found = this.blobs.get(key);
    if (!found) return notFound(response, "BLOB_UNKNOWN");
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = start > 0 ? { "content-range": `bytes ${start}-${found.length - 1}/${found.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { "content-length": found.length - start, ...range });
    response.end(request.method === "HEAD" ? undefined : found.subarray(start));
  }

  async #upload(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    repository: string,
    id: string,
    query: URLSearchParams,
  ): Promise<void> {
    const body = await buffer(request);
    if (request.method === "POST") return this.#startUpload(response, repository, query);
    const held = this.#uploads.get(id);
    if (!held) return notFound(response, "BLOB_UPLOAD_UNKNOWN");
    if (request.method === "PUT" && held.length === 0 && this.wantsChunks) return void response.writeHead(415).end();
    held.push(body);
    const location = `/v2/${repository}/blobs/uploads/${id}?state=x`;
    if (request.method === "PATCH") return void response.writeHead(202, { location }).end();
    const bytes = Buffer.concat(held);
    const digest = query.get("digest") as Digest;
    if (digestOf(bytes) !== digest) return void response.writeHead(400).end();
    this.blobs.set(`${repository}/${digest}`, bytes);
    response.writeHead(201, { "docker-content-digest": digest }).end();
  }

  #startUpload(response: http.ServerResponse, repository: string, query: URLSearchParams): void {
    const mounted = this.blobs.get(`${query.get("from")}/${query.get("mount")}`);
    if (mounted) {
      this.blobs.set(`${repository}/${query.get("mount")}`, mounted);
      response.writeHead(201).end();
      return;
    }
    const id = String(this.#uploads.size + 1);
    this.#uploads.set(id, []);
    response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${id}` }).end();
  }

  #isAllowed(seen: SeenRequest, pathname: string, response: http.ServerResponse): boolean {
    if (!this.auth || pathname === "/v2/") return true;
    const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(pathname)?.[1] ?? "";
    const actions = seen.method === "GET" || seen.method === "HEAD" ? "pull" : "pull,push";
    const isBearer = this.auth.kind === "bearer";
    const wanted = isBearer
      ? [`Bearer token-repository:${repository}:pull`, `Bearer token-repository:${repository}:pull,push`]
      : [basic(this.auth)];
    if (wanted.slice(actions === "pull" ? 0 : -1).includes(seen.authorization ?? "")) return true;
    const scope = `repository:${repository}:${actions}`;
    const challenge = isBearer
      ? `Bearer realm="http://${this.host}/token",service="test service",scope="${scope}"`
      : 'Basic realm="test"';
    const body = JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] });
    response.writeHead(401, { "www-authenticate": challenge }).end(body);
    return false;
  }

  async #answerToken(request: http.IncomingMessage, response: http.ServerResponse, query: URLSearchParams) {
    const { auth } = this;
    const form = new URLSearchParams((await buffer(request)).toString());
    const isKnown =
      auth !== undefined &&
      (request.headers.authorization === basic(auth) ||
        (form.has("refresh_token") && form.get("refresh_token") === auth.refreshToken) ||
        (auth.allowsAnonymous === true && request.headers.authorization === undefined));
    if (!isKnown) return void response.writeHead(401).end();
    const scope = query.get("scope") ?? form.get("scope") ?? "";
    const { expiresInS } = auth;
    response.end(
      JSON.stringify({ token: `token-${scope}`, ...(expiresInS === undefined ? {} : { expires_in: expiresInS }) }),
    );
  }
}

function basic({ username, password }: ServerAuth): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function notFound(response: http.ServerResponse, code: string): void {
  response.writeHead(404, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message: "not\u0007 here" }] }));
}
