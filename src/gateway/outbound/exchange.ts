import http, { type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket, TcpNetConnectOpts } from "node:net";
import type { ConnectionOptions, SecureContext } from "node:tls";
import type { Clock } from "../../base/index.ts";
import type { Budget } from "../http/budget.ts";
import type { AddressPolicy } from "./address-policy.ts";
import { CallFailure, CODE } from "./failure.ts";
import type { OutboundLimits } from "./limits.ts";
import type { HeaderFields } from "./request-text.ts";
import { dialableAddresses, type Resolve, type ResolvedAddress } from "./resolve.ts";

/** Methods whose requests need no Content-Length when they have no body. */
const WITHOUT_BODY: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "DELETE", "TRACE"]);

/** What a thread needs to make calls. */
export interface OutboundThread {
  readonly clock: Clock;
  readonly limits: OutboundLimits;
  readonly resolve: Resolve;
  readonly policy: AddressPolicy;
  readonly budget: Budget;
  readonly secureContext: () => SecureContext;
}

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: HeaderFields;
  readonly body: Buffer;
}

/** One answer, read in full. Its body is charged to the thread's budget: whoever takes it gives that back. */
export interface ExchangeAnswer {
  readonly status: number;
  /** Lower-case names, in the order received; values as Latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/**
 * Sends one request on a connection of its own and reads the answer; redirects are answers. Nothing is shared with other calls: no
 * connection, TLS session, cookie or proxy. Throws `CallFailure`, or the signal's reason.
 */
export async function exchange(
  request: ExchangeRequest,
  thread: OutboundThread,
  signal: AbortSignal,
): Promise<ExchangeAnswer> {
  signal.throwIfAborted();
  const cut = new AbortController();
  const follow = () => cut.abort(signal.reason);
  signal.addEventListener("abort", follow, { once: true });
  const { connectTimeoutMs } = thread.limits;
  const timer = thread.clock.after(connectTimeoutMs, () =>
    cut.abort(new CallFailure(CODE.requestError, `no connection within ${connectTimeoutMs} ms`)),
  );
  try {
    const hostname = request.url.hostname.replace(/^\[(.*)\]$/, "$1");
    const addresses = await orAborted(dialableAddresses(hostname, thread.resolve, thread.policy), cut.signal);
    const sent = send(request, hostname, addresses, thread, cut.signal);
    whenConnected(sent, request.url, () => timer[Symbol.dispose]());
    return await readAnswer(sent, thread, cut.signal);
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener("abort", follow);
  }
}

/** Rejects as soon as the signal aborts; what `promise` comes to after that is nobody's concern. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: first, resolve, reject } = Promise.withResolvers<T>();
  const abort = () => reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  promise.then(resolve, reject);
  return first.finally(() => signal.removeEventListener("abort", abort));
}

type SendOptions = https.RequestOptions &
  Pick<ConnectionOptions, "secureContext"> &
  Pick<TcpNetConnectOpts, "autoSelectFamily">;

function send(
  { url, method, headers, body }: ExchangeRequest,
  hostname: string,
  addresses: readonly ResolvedAddress[],
  { limits, secureContext }: OutboundThread,
  signal: AbortSignal,
): ClientRequest {
  const options: SendOptions = {
    host: hostname,
    port: url.port,
    path: url.pathname + url.search,
    method,
    setHost: false,
    agent: false,
    maxHeaderSize: limits.maxResponseHeaderBytes,
    insecureHTTPParser: false,
    // Names are not resolved again: the socket gets the addresses that were checked.
    lookup: (_hostname, _options, found) => found(null, [...addresses]),
    autoSelectFamily: true,
    signal,
  };
  const secured = (): SendOptions => ({ ...options, secureContext: secureContext(), rejectUnauthorized: true });
  const sent = url.protocol === "https:" ? https.request(secured()) : http.request(options);
  // Methods are case-sensitive, and Node has made it upper case.
  sent.method = method;
  // Nothing is left out unsaid: the header block is bounded in bytes.
  sent.maxHeadersCount = 0;
  for (const [name, value] of [...headers, ...ourFields(url, method, headers, body)]) sent.setHeader(name, value);
  sent.end(body);
  return sent;
}

/** What the guest left out, and the fields it may not set. */
function ourFields(
  url: URL,
  method: string,
  fields: HeaderFields,
  body: Buffer,
): readonly (readonly [string, string])[] {
  const hasLength = body.length > 0 || !WITHOUT_BODY.has(method);
  return [
    ["host", url.host],
    ["accept", fields.get("accept") ?? "*/*"],
    ["user-agent", fields.get("user-agent") ?? "wasipool"],
    ...(hasLength ? [["content-length", String(body.length)] as const] : []),
    ["connection", "close"],
  ];
}

function whenConnected(sent: ClientRequest, url: URL, run: () => void): void {
  const event = url.protocol === "https:" ? "secureConnect" : "connect";
  sent.once("socket", (socket: Socket) => socket.once(event, run));
}

function readAnswer(sent: ClientRequest, thread: OutboundThread, signal: AbortSignal): Promise<ExchangeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ExchangeAnswer>();
  const fail = (error: unknown) => {
    reject(signal.aborted ? (signal.reason as Error) : asFailure(error));
    sent.destroy();
  };
  const closed = () => fail(new Error("the server closed the connection before it answered"));
  sent.on("error", fail);
  // Also when it answers with an upgrade that nobody asked for.
  sent.on("close", closed);
  sent.on("response", (message) => {
    // From now on the connection may be closed before the last of the body is read, and the answer may have come before the whole
    // request was sent; what is wrong with the answer itself, its reader is told.
    sent
      .off("close", closed)
      .off("error", fail)
      .on("error", () => {});
    void read(message, thread)
      .then(resolve)
      .catch(fail)
      .finally(() => sent.destroy());
  });
  return promise;
}

async function read(message: IncomingMessage, thread: OutboundThread): Promise<ExchangeAnswer> {
  const headers = pairsOf(message.rawHeaders);
  const { maxResponseHeaderBytes } = thread.limits;
  const headerBytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 2, 0);
  // Node counts neither colons nor line ends, of which the guest's text has as many as there are headers.
  if (headerBytes > maxResponseHeaderBytes) {
    throw new CallFailure(CODE.requestError, `the answer's headers exceed ${maxResponseHeaderBytes} bytes`);
  }
  return { status: message.statusCode ?? 0, headers, body: await readBody(message, thread) };
}

/** Charges the budget for what it holds; gives it back when it fails. */
async function readBody(message: IncomingMessage, { limits, budget }: OutboundThread): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      if (size + chunk.length > limits.maxResponseBytes) {
        throw new CallFailure(CODE.requestError, `the answer's body exceeds ${limits.maxResponseBytes} bytes`);
      }
      charge(budget, chunk.length);
      size += chunk.length;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size);
  } catch (error) {
    budget.charge(-size);
    throw error;
  }
}

/** Throws `CallFailure` 12 when the thread holds too much already. */
export function charge(budget: Budget, bytes: number): void {
  if (!budget.fits(bytes)) throw new CallFailure(CODE.runtimeError, "too many bytes of calls are held on this node");
  budget.charge(bytes);
}

function pairsOf(raw: readonly string[]): readonly (readonly [string, string])[] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""] as const] : []));
}

function asFailure(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  return new CallFailure(CODE.requestError, reasonOf(error), { cause: error });
}

/** Connecting to several addresses fails with one error for each. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  // Node's advice about its own options helps nobody here.
  return error instanceof Error ? error.message.replace(/; if the root CA .*/s, "") : String(error);
}
