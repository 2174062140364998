import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { formatBytes } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import { shownUrl } from "./endpoint.ts";

type Undici = typeof import("undici");

/** Proxies as the environment variables of the same names describe them. */
export interface ProxySettings {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array | string;
  /** Accept any certificate. */
  readonly trustsAnyCertificate: boolean;
  readonly signal?: AbortSignal;
}

/** One answer; redirects are not followed. Its body must be read or dropped. */
export interface HttpAnswer {
  readonly url: URL;
  readonly status: number;
  header(name: string): string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. Throws RegistryError TOO_LARGE beyond `maxBytes`. */
  bytes(maxBytes: number, what: string): Promise<Buffer>;
  /** Lets the rest of the body go. */
  drop(): Promise<void>;
}

/** Sends requests over connections that it keeps for a while; dispose of it to close them. */
export class HttpClient implements AsyncDisposable {
  readonly #limits: ImageLimits;
  readonly #proxy: ProxySettings;
  readonly #agents = new Map<boolean, Dispatcher>();

  constructor(limits: ImageLimits, proxy: ProxySettings = {}) {
    this.#limits = limits;
    this.#proxy = proxy;
  }

  /** Throws undici's errors as they are. */
  async send({ method, url, headers, body, trustsAnyCertificate, signal }: HttpRequest): Promise<HttpAnswer> {
    // Loading it takes a fifth of a command's start, and images of a layout need none of it.
    const undici = await import("undici");
    const answering = undici.request(url, {
      method,
      // Bodies are hashed as they come, so no coding may lie around them.
      headers: { "accept-encoding": "identity", "user-agent": "wasipool", ...headers },
      ...(body === undefined ? {} : { body }),
      dispatcher: this.#agent(trustsAnyCertificate, undici),
      headersTimeout: this.#limits.headersTimeoutMs,
      bodyTimeout: this.#limits.idleTimeoutMs,
      ...(signal ? { signal } : {}),
    });
    return new Answer(url, await unlessAborted(answering, signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    this.#agents.clear();
  }

  #agent(trustsAnyCertificate: boolean, undici: Undici): Dispatcher {
    const agent = this.#agents.get(trustsAnyCertificate) ?? this.#createAgent(trustsAnyCertificate, undici);
    this.#agents.set(trustsAnyCertificate, agent);
    return agent;
  }

  #createAgent(trustsAnyCertificate: boolean, { Agent, EnvHttpProxyAgent }: Undici): Dispatcher {
    const { connectTimeoutMs, maxHeaderBytes } = this.#limits;
    const tls = trustsAnyCertificate ? { rejectUnauthorized: false } : {};
    const options = { connect: { timeout: connectTimeoutMs, ...tls }, maxHeaderSize: maxHeaderBytes, pipelining: 1 };
    const { httpProxy = "", httpsProxy = "", noProxy = "" } = this.#proxy;
    if (httpProxy === "" && httpsProxy === "") return new Agent(options);
    // Empty texts keep the agent from reading the environment by itself.
    return new EnvHttpProxyAgent({ ...options, requestTls: tls, httpProxy, httpsProxy, noProxy });
  }
}

/** undici hears an abort only once it is connected: a server that accepts and then says nothing would hold its caller until then. */
async function unlessAborted(
  answering: Promise<Dispatcher.ResponseData>,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  if (!signal) return answering;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([answering, aborted.promise]);
  } catch (error) {
    // A late answer is nobody's: it must not keep its connection, nor its failure go unheard.
    answering.then((late) => late.body.destroy()).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

class Answer implements HttpAnswer {
  readonly url: URL;
  readonly status: number;
  readonly #headers: IncomingHttpHeaders;
  readonly #response: Dispatcher.ResponseData;

  constructor(url: URL, response: Dispatcher.ResponseData) {
    this.url = url;
    this.status = response.statusCode;
    this.#headers = response.headers;
    this.#response = response;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#response.body;
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  async bytes(maxBytes: number, what: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.body) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new RegistryError("TOO_LARGE", `${what} from ${shownUrl(this.url)} exceeds ${formatBytes(maxBytes)}`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  }

  async drop(): Promise<void> {
    // Reads on to keep the connection when little is left, closes it otherwise.
    await this.#response.body.dump({ limit: 64 * 1024 }).catch(() => {});
  }
}
