import { z } from "zod";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { shownUrl } from "./endpoint.ts";
import type { HttpAnswer } from "./http.ts";
import { isRetriedError, isRetriedStatus, parseRetryAfter, TransientError } from "./retry.ts";

/** What was tried, for messages: "pull docker.io/library/hello:v1". */
export interface Attempted {
  readonly action: string;
  readonly hadCredentials: boolean;
}

const errorSchema = z.object({
  errors: z
    .array(z.object({ code: z.string().optional(), message: z.string().optional() }))
    .min(1)
    .max(100),
});

const LONGEST_MESSAGE = 200;

/** The error for an answer that is none of those a request hoped for. Transient where trying again may help. */
export async function answerError(
  answer: HttpAnswer,
  { action, hadCredentials }: Attempted,
  { maxBytes, now }: { readonly maxBytes: number; readonly now: number },
): Promise<Error> {
  const { status, url } = answer;
  const said = await readMessage(answer, maxBytes);
  const [code, advice] = meaningOf(status, hadCredentials, url.host);
  const message = `Cannot ${action}: ${shownUrl(url)} answered ${status}${said ? ` (${said})` : ""}${advice}`;
  const error = new RegistryError(code, message);
  return isRetriedStatus(status)
    ? new TransientError(error, parseRetryAfter(answer.header("retry-after"), now))
    : error;
}

function meaningOf(status: number, hadCredentials: boolean, host: string): readonly [RegistryErrorCode, string] {
  switch (status) {
    case 401:
      return ["UNAUTHORIZED", hadCredentials ? "; it refused the credentials that were sent" : missing(host)];
    case 403:
      return ["DENIED", hadCredentials ? "; the credentials that were sent may not do this" : missing(host)];
    case 404:
      return ["NOT_FOUND", "; check the name and tag"];
    case 429:
      return ["TOO_MANY_REQUESTS", "; wait a while, log in for a higher limit, or use a mirror"];
    default:
      return status >= 500 || status === 408 ? ["UNAVAILABLE", ""] : ["UNEXPECTED_RESPONSE", ""];
  }
}

function missing(host: string): string {
  return `; no credentials for ${host} were found: give a pull secret, or log in (docker login ${host})`;
}

/** The message in an OCI error body (distribution-spec 1.1 "error codes"), made fit to print. */
async function readMessage(answer: HttpAnswer, maxBytes: number): Promise<string> {
  try {
    const parsed = errorSchema.safeParse(JSON.parse((await answer.bytes(maxBytes, "An error")).toString("utf8")));
    const [first] = parsed.data?.errors ?? [];
    const text = [first?.code, first?.message].filter(Boolean).join(": ");
    return text.replaceAll(/\p{C}+/gu, " ").slice(0, LONGEST_MESSAGE);
  } catch {
    // Proxies answer with pages; too long or broken ones are left at that.
    await answer.drop();
    return "";
  }
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "no such host; check the name and the DNS",
  EAI_AGAIN: "the DNS does not answer",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer; check the network, or use a mirror",
  UND_ERR_HEADERS_TIMEOUT: "it takes too long to answer",
  UND_ERR_BODY_TIMEOUT: "it fell silent within an answer",
  UND_ERR_HEADERS_OVERFLOW: "its headers are too large",
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "its certificate is self-signed; add its CA to NODE_EXTRA_CA_CERTS or use --insecure-registry",
  SELF_SIGNED_CERT_IN_CHAIN: "its CA is unknown; add it to NODE_EXTRA_CA_CERTS or use --insecure-registry",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its CA is unknown; add it to NODE_EXTRA_CA_CERTS or use --insecure-registry",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS; if it is meant to be plain http use --insecure-registry",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS; if it is meant to be plain http use --insecure-registry",
  EPROTO: "it does not speak TLS; if it is meant to be plain http use --insecure-registry",
};

export interface Exchange {
  /** What was tried, for messages. */
  readonly action: string;
  readonly url: URL;
  readonly signal?: AbortSignal | undefined;
}

/** The error for a request or body that failed on the network. Ours pass unchanged; the caller's abort is its own reason. */
export function networkError(cause: unknown, { action, url, signal }: Exchange): unknown {
  if (signal?.aborted) return signal.reason;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (cause instanceof RegistryError || cause instanceof TransientError || typeof code !== "string") return cause;
  const why = NETWORK[code] ?? (cause as Error).message;
  const error = new RegistryError("UNAVAILABLE", `Cannot ${action}: ${shownUrl(url)}: ${code}: ${why}`, { cause });
  return isRetriedError(cause) ? new TransientError(error) : error;
}

/** Whether a server answered a TLS greeting with something else, or hung up, as one that speaks plain http does. */
export function isNotTls(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  return code === "EPROTO" || code === "ECONNRESET" || code === "UND_ERR_SOCKET" || code.startsWith("ERR_SSL_");
}
