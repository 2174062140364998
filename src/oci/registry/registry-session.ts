import { Readable } from "node:stream";
import type { Clock } from "../../base/index.ts";
import type { Credential, CredentialSource } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import { type Challenge, parseChallenge } from "./challenge.ts";
import { checkFollowUp, type Endpoint } from "./endpoint.ts";
import { answerError, isNotTls, networkError } from "./failure.ts";
import type { HttpAnswer, HttpClient, HttpRequest } from "./http.ts";
import { type RetryOptions, withRetries } from "./retry.ts";
import { basicHeader, fetchToken, type TokenCache, tokenKey } from "./tokens.ts";

/** What all sessions of a client share. */
export interface RegistryContext {
  readonly http: HttpClient;
  readonly tokens: TokenCache;
  readonly clock: Clock;
  readonly limits: ImageLimits;
  readonly random: () => number;
}

export interface SessionOptions {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly credentials: CredentialSource;
  /** `pull`, `pull,push`: what a token is asked for. */
  readonly actions: string;
}

export interface SessionRequest extends Pick<HttpRequest, "method" | "headers" | "body"> {
  /** Below `/v2/`, or a URL that the registry gave. */
  readonly target: string | URL;
  /** Answers that are handed back; any other status is an error. */
  readonly expected: readonly number[];
  /** What is being done, for messages. */
  readonly action: string;
  readonly signal: AbortSignal | undefined;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Talks to one repository of a registry: finds out whether it speaks https, answers its challenges, follows its redirects without
 * taking credentials to another host.
 */
export class RegistrySession {
  readonly endpoint: Endpoint;
  readonly #context: RegistryContext;
  readonly #options: SessionOptions;
  #base: Promise<URL> | undefined;
  #credential: Promise<Credential | undefined> | undefined;
  /** The last challenge, which says how to ask from now on. */
  #challenge: { readonly challenge: Challenge; readonly from: URL } | undefined;

  constructor(context: RegistryContext, options: SessionOptions) {
    this.endpoint = options.endpoint;
    this.#context = context;
    this.#options = options;
  }

  retryOptions(signal: AbortSignal | undefined): RetryOptions {
    const { clock, limits, random } = this.#context;
    return { clock, limits, random, ...(signal ? { signal } : {}) };
  }

  /** Sends with retries. A request with a stream as its body can be sent once only. */
  send(request: SessionRequest): Promise<HttpAnswer> {
    return withRetries(this.retryOptions(request.signal), () => this.sendOnce(request));
  }

  /** One attempt. Throws TransientError where another may help, RegistryError otherwise. */
  async sendOnce(request: SessionRequest): Promise<HttpAnswer> {
    const base = await this.#findBase(request);
    const url = typeof request.target === "string" ? new URL(`/v2/${request.target}`, base) : request.target;
    const answer = await this.#authorized(request, url, base);
    if (request.expected.includes(answer.status)) return answer;
    const { limits, clock } = this.#context;
    const hadCredentials = (await this.#findCredential(request.signal)) !== undefined;
    const bounds = { maxBytes: limits.maxErrorBytes, now: clock.now() };
    throw await answerError(answer, { action: request.action, hadCredentials }, bounds);
  }

  async #authorized(request: SessionRequest, url: URL, base: URL): Promise<HttpAnswer> {
    const isOwn = url.origin === base.origin;
    const sent = isOwn ? await this.#authorization(request) : {};
    const answer = await this.#redirected(request, url, sent);
    if (answer.status !== 401 || answer.url.origin !== base.origin) return answer;
    const challenge = parseChallenge(answer.header("www-authenticate"));
    // A stream has been read by now.
    if (!challenge || request.body instanceof Readable) return answer;
    this.#challenge = { challenge, from: answer.url };
    await this.#forgetToken(request);
    const authorization = await this.#authorization(request);
    if (authorization.authorization === undefined || authorization.authorization === sent.authorization) return answer;
    await answer.drop();
    return this.#redirected(request, url, authorization);
  }

  /** Follows redirects of GET and HEAD. What leaves the first origin goes without credentials, also when it comes back. */
  async #redirected(request: SessionRequest, first: URL, authorization: Authorization): Promise<HttpAnswer> {
    let url = first;
    let headers = { ...request.headers, ...authorization };
    for (let followed = 0; ; followed += 1) {
      const answer = await this.#sendTo(url, headers, request);
      const location = answer.header("location");
      const isFollowed = request.method === "GET" || request.method === "HEAD";
      if (!isFollowed || !REDIRECTS.has(answer.status) || location === undefined) return answer;
      await answer.drop();
      const next = resolveLocation(location, url);
      if (followed >= this.#context.limits.maxRedirects) {
        throw new RegistryError(
          "UNEXPECTED_RESPONSE",
          `Cannot ${request.action}: ${first.host} redirects more than ${this.#context.limits.maxRedirects} times`,
        );
      }
      if (next.origin !== first.origin) headers = { ...request.headers };
      url = next;
    }
  }

  async #sendTo(url: URL, headers: Readonly<Record<string, string>>, request: SessionRequest): Promise<HttpAnswer> {
    const { method, body, signal, action } = request;
    try {
      return await this.#context.http.send({
        method,
        url,
        headers,
        trustsAnyCertificate: this.endpoint.transport === "insecure" && url.host === this.endpoint.host,
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      throw networkError(error, { action, url, signal });
    }
  }

  async #authorization({ signal }: SessionRequest): Promise<Authorization> {
    const credential = await this.#findCredential(signal);
    if (credential?.kind === "registry-token") return bearer(credential.token);
    const challenge = this.#challenge;
    if (!challenge) return this.#cachedToken(credential);
    if (challenge.challenge.scheme === "basic") return credential?.kind === "basic" ? basicHeader(credential) : {};
    const cached = this.#cachedToken(credential);
    if (cached.authorization !== undefined) return cached;
    const scopes = [...new Set([this.#scope(), ...(challenge.challenge.scope?.split(" ") ?? [])])].filter(Boolean);
    const { limits, tokens } = this.#context;
    const request = { challenge: challenge.challenge, from: challenge.from, scopes, credential };
    const token = await fetchToken(
      request,
      (asked) => this.#sendForToken(asked, credential, signal),
      limits.maxTokenBytes,
    );
    tokens.put(this.#tokenKey(credential), token);
    return bearer(token.token);
  }

  #cachedToken(credential: Credential | undefined): Authorization {
    const token = this.#context.tokens.get(this.#tokenKey(credential));
    return token === undefined ? {} : bearer(token);
  }

  async #forgetToken({ signal }: SessionRequest): Promise<void> {
    this.#context.tokens.drop(this.#tokenKey(await this.#findCredential(signal)));
  }

  #tokenKey(credential: Credential | undefined): string {
    return tokenKey(this.endpoint.host, [this.#scope()], credential);
  }

  #scope(): string {
    return `repository:${this.#options.repository}:${this.#options.actions}`;
  }

  /** Token servers are asked without following redirects: the credentials are for them alone. */
  async #sendForToken(
    asked: Pick<HttpRequest, "method" | "url" | "headers" | "body">,
    credential: Credential | undefined,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const action = `get a token for ${this.endpoint.registry}`;
    const request: SessionRequest = { ...asked, target: asked.url, expected: [200], action, signal };
    const { limits, clock } = this.#context;
    return withRetries(this.retryOptions(signal), async () => {
      const answer = await this.#sendTo(asked.url, asked.headers, request);
      if (answer.status === 200) return answer;
      const bounds = { maxBytes: limits.maxErrorBytes, now: clock.now() };
      throw await answerError(answer, { action, hadCredentials: credential !== undefined }, bounds);
    });
  }

  #findCredential(signal: AbortSignal | undefined): Promise<Credential | undefined> {
    const { credentials, repository } = this.#options;
    this.#credential ??= credentials.find(this.endpoint.registry, repository, signal);
    return this.#credential;
  }

  #findBase(request: SessionRequest): Promise<URL> {
    this.#base ??= this.#probe(request).catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    });
    return this.#base;
  }

  /** Where http is allowed https is tried first; a server that does not speak TLS says so at once. */
  async #probe({ signal, action }: SessionRequest): Promise<URL> {
    const { host, transport } = this.endpoint;
    const secure = new URL(`https://${host}/`);
    const plain = new URL(`http://${host}/`);
    if (transport === "secure") return secure;
    if (transport === "plain") return plain;
    try {
      const answer = await this.#context.http.send({
        method: "GET",
        url: new URL("/v2/", secure),
        headers: {},
        trustsAnyCertificate: transport === "insecure",
        ...(signal ? { signal } : {}),
      });
      await answer.drop();
      return secure;
    } catch (error) {
      if (isNotTls(error)) return plain;
      throw networkError(error, { action, url: secure, signal });
    }
  }
}

interface Authorization {
  readonly authorization?: string;
}

function bearer(token: string): Authorization {
  return { authorization: `Bearer ${token}` };
}

/** Resolves a `Location`; a registry behind a proxy that names its own host with http means https. Throws RegistryError UNSAFE. */
export function resolveLocation(location: string, from: URL): URL {
  const url = URL.parse(location, from);
  if (!url)
    throw new RegistryError(
      "UNEXPECTED_RESPONSE",
      `${from.host} leads to "${location.slice(0, 100)}", which is no URL`,
    );
  if (from.protocol === "https:" && url.protocol === "http:" && url.hostname === from.hostname) {
    url.protocol = "https:";
    url.port = from.port;
  }
  url.username = "";
  url.password = "";
  checkFollowUp(url, from);
  return url;
}
