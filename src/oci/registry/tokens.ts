import { createHash } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../../base/index.ts";
import type { Credential } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import { checkFollowUp, shownUrl } from "./endpoint.ts";
import type { HttpAnswer, HttpRequest } from "./http.ts";
import type { Challenge } from "./challenge.ts";

type BearerChallenge = Extract<Challenge, { scheme: "bearer" }>;

/** Life of a token whose server does not say (distribution "token authentication": 60 s for old clients). */
const DEFAULT_LIFE_S = 60;
/** Taken off a token's life, so that it does not end under way. */
const SAFETY_S = 10;
/** Longest time a token is kept, whatever its server says. */
const LONGEST_LIFE_S = 3600;
/** Tokens kept; the oldest goes first. */
const MAX_TOKENS = 1000;

const schema = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().nullish(),
});

export interface TokenRequest {
  readonly challenge: BearerChallenge;
  /** URL of the answer that held the challenge. */
  readonly from: URL;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
}

/** Sends one request, retried; answers whatever status came. */
export type Send = (request: Pick<HttpRequest, "method" | "url" | "headers" | "body">) => Promise<HttpAnswer>;

/** Asks a token server for a bearer token (distribution "token authentication", OAuth2 for identity tokens). */
export async function fetchToken(request: TokenRequest, send: Send, maxBytes: number): Promise<Token> {
  const { challenge, from } = request;
  const realm = URL.parse(challenge.realm);
  if (!realm) throw new RegistryError("UNEXPECTED_RESPONSE", `${from.host} names a token server that is no URL`);
  checkFollowUp(realm, from);
  const answer = await send(isRefresh(request) ? refreshRequest(realm, request) : tokenRequest(realm, request));
  const body = parse(await answer.bytes(maxBytes, "A token"));
  const token = body?.token ?? body?.access_token;
  if (!token || !/^[\u0021-\u007E]+$/.test(token)) {
    throw new RegistryError("UNEXPECTED_RESPONSE", `The token server ${shownUrl(realm)} answered without a token`);
  }
  return { token, lifeS: Math.min(LONGEST_LIFE_S, body?.expires_in ?? DEFAULT_LIFE_S) - SAFETY_S };
}

export interface Token {
  readonly token: string;
  /** Seconds for which it may be used. */
  readonly lifeS: number;
}

function isRefresh({ credential }: TokenRequest): boolean {
  return credential?.kind === "identity-token";
}

function tokenRequest(realm: URL, { challenge, scopes, credential }: TokenRequest): Parameters<Send>[0] {
  const url = new URL(realm);
  if (challenge.service !== undefined) url.searchParams.set("service", challenge.service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  return { method: "GET", url, headers: credential?.kind === "basic" ? basicHeader(credential) : {} };
}

function refreshRequest(realm: URL, { challenge, scopes, credential }: TokenRequest): Parameters<Send>[0] {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: credential?.kind === "identity-token" ? credential.token : "",
    client_id: "wasipool",
    service: challenge.service ?? realm.host,
    scope: scopes.join(" "),
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", url: realm, headers, body: form.toString() };
}

export function basicHeader({ username, password }: Extract<Credential, { kind: "basic" }>) {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

function parse(bytes: Buffer): z.output<typeof schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(bytes.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}

/** Tokens by what they are for: registry, scope and who asks. Kept until they expire. */
export class TokenCache {
  readonly #clock: Clock;
  readonly #tokens = new Map<string, { readonly token: string; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): string | undefined {
    const found = this.#tokens.get(key);
    if (found && found.until > this.#clock.monotonic()) return found.token;
    this.#tokens.delete(key);
    return undefined;
  }

  put(key: string, { token, lifeS }: Token): void {
    this.#tokens.set(key, { token, until: this.#clock.monotonic() + lifeS * 1000 });
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > MAX_TOKENS && oldest !== undefined) this.#tokens.delete(oldest);
  }

  drop(key: string): void {
    this.#tokens.delete(key);
  }
}

/** Key of a token: one who asks with other credentials gets a token of their own. The secret is hashed. */
export function tokenKey(registry: string, scopes: readonly string[], credential: Credential | undefined): string {
  const who = createHash("sha256")
    .update(JSON.stringify(credential ?? null))
    .digest("hex");
  return [registry, ...scopes, who].join("\n");
}
