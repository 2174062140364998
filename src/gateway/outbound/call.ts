import { requireAllowedHost } from "./allowed-hosts.ts";
import { exchange, type ExchangeAnswer, type ExchangeRequest, type OutboundThread } from "./exchange.ts";
import { CallFailure, CODE } from "./failure.ts";
import type { HeaderFields } from "./request-text.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Redirects that keep method and body. */
const KEEPING: ReadonlySet<number> = new Set([307, 308]);
/** What another origin must not see. */
const SECRETS: ReadonlySet<string> = new Set(["authorization", "cookie"]);
const MAX_SHOWN = 200;

/** Reads a URL, relative to `base` for a redirect. Throws `CallFailure` 10. */
export function parseTarget(text: string, base?: URL): URL {
  const what = base ? "the URL of a redirect" : "its URL";
  const url = URL.parse(text, base);
  // Not shown, as queries may hold secrets.
  if (!url) throw new CallFailure(CODE.invalidUrl, `${what} is not a URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new CallFailure(CODE.invalidUrl, `${what} is neither http nor https`);
  }
  return url;
}

/** Where a call goes, without what may be secret: user, password, query. */
export function shownTarget(url: URL): string {
  const text = `${url.origin}${url.pathname}`;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Sends a request to a host that is allowed and follows redirects, each checked as the first was. Throws what `exchange` throws. */
export async function call(
  first: ExchangeRequest,
  allowedHosts: readonly string[],
  thread: OutboundThread,
  signal: AbortSignal,
): Promise<ExchangeAnswer> {
  const { maxRedirects } = thread.limits;
  let request = withCredentials(first);
  for (let redirects = 0; ; redirects++) {
    const answer = await exchange(request, thread, signal);
    const location = REDIRECTS.has(answer.status) ? headerOf(answer, "location") : undefined;
    if (location === undefined) return answer;
    thread.budget.charge(-answer.body.length);
    if (redirects === maxRedirects) {
      throw new CallFailure(CODE.requestError, `more than ${maxRedirects} redirects`);
    }
    if (location.length > thread.limits.maxUrlBytes) {
      throw new CallFailure(CODE.invalidUrl, "a redirect's URL is too long");
    }
    const url = parseTarget(Buffer.from(location, "latin1").toString("utf8"), request.url);
    requireAllowedHost(allowedHosts, url);
    request = redirected(request, answer.status, url);
  }
}

export function headerOf(answer: Pick<ExchangeAnswer, "headers">, name: string): string | undefined {
  return answer.headers.find(([each]) => each === name)?.[1];
}

/** User and password of a URL become Basic credentials, unless the guest gave its own. */
function withCredentials(request: ExchangeRequest): ExchangeRequest {
  const { username, password } = request.url;
  if ((username === "" && password === "") || request.headers.has("authorization")) return request;
  const pair = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64");
  return { ...request, headers: new Map([...request.headers, ["authorization", `Basic ${pair}`]]) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded: as it stands.
    return text;
  }
}

function redirected(request: ExchangeRequest, status: number, url: URL): ExchangeRequest {
  const isSameOrigin = url.origin === request.url.origin;
  const keeps = KEEPING.has(status) || request.method === "GET" || request.method === "HEAD";
  const isLeftOut = (name: string) => (!isSameOrigin && SECRETS.has(name)) || (!keeps && name.startsWith("content-"));
  const headers: HeaderFields = new Map([...request.headers].filter(([name]) => !isLeftOut(name)));
  if (keeps) return { ...request, url, headers };
  return { url, method: "GET", headers, body: Buffer.alloc(0) };
}
