import type { HeaderBlock, RequestHead } from "../http/request.ts";
import type { Route } from "./route.ts";

type Entry = Uint8Array;

const DEFAULT_HOST = "localhost";
const DEFAULT_PORT = 80;
/** Headers no guest gets: credentials, what is about the connection, and the one that becomes HTTP_PROXY (httpoxy). */
const WITHHELD_HEADERS: ReadonlySet<string> = new Set(["authorization", "connection", "proxy"]);
/** Others could pass for a header that a proxy in front has checked: `X_User` and `X-User` are the same variable. */
const PORTABLE_NAME = /^[0-9a-z-]+$/;
/** As WAGI has it for values with bytes beyond ASCII. */
const CORRUPT_VALUE = "CORRUPT VALUE";
const ASCII = /^[\t -~]*$/;
const MAX_CACHED_ENTRIES = 512;
const MAX_CACHED_LENGTH = 128;

/** Variables that every request to a route gets alike. */
const CONSTANT_NAMES = ["AUTH_TYPE", "REMOTE_USER", "GATEWAY_INTERFACE", "SERVER_SOFTWARE"] as const;
const REQUEST_NAMES = [
  "CONTENT_LENGTH CONTENT_TYPE X_FULL_URL X_MATCHED_ROUTE QUERY_STRING REMOTE_ADDR REMOTE_HOST REQUEST_METHOD",
  "SCRIPT_NAME X_RAW_PATH_INFO PATH_INFO PATH_TRANSLATED SERVER_NAME SERVER_PORT SERVER_PROTOCOL",
].flatMap((names) => names.split(" "));
const CGI_NAMES: ReadonlySet<string> = new Set([...CONSTANT_NAMES, ...REQUEST_NAMES]);

/** The part of a route's environment that does not depend on the request. */
export interface RouteEnvironment {
  readonly entries: readonly Entry[];
  /** The container's own variables that a header may replace: they start with HTTP_. */
  readonly replaceable: ReadonlyMap<string, Entry>;
}

/** Makes the constant part: the container's variables, without those that CGI defines, then CGI's. */
export function routeEnvironment(
  route: Route,
  env: readonly { readonly key: string; readonly value: string }[],
): RouteEnvironment {
  const own = new Map(env.filter(({ key }) => !CGI_NAMES.has(key)).map(({ key, value }) => [key, utf8(key, value)]));
  const replaceable = new Map([...own].filter(([key]) => key.startsWith("HTTP_")));
  const scriptName = route.isWildcard && route.prefix === "" ? "/" : route.prefix;
  const constants = [
    entry("AUTH_TYPE", ""),
    entry("REMOTE_USER", ""),
    entry("GATEWAY_INTERFACE", "CGI/1.1"),
    entry("SERVER_SOFTWARE", "WAGI/1"),
    entry("X_MATCHED_ROUTE", route.pattern),
    entry("SCRIPT_NAME", scriptName),
  ];
  return {
    entries: [...[...own].filter(([key]) => !replaceable.has(key)).map(([, value]) => value), ...constants],
    replaceable,
  };
}

/** A path that percent-decoding makes no text of: a bad escape, bytes that are not UTF-8, or a NUL that would end the variable. */
export function isDecodable(path: string): boolean {
  if (!path.includes("%")) return true;
  try {
    return !decodeURIComponent(path).includes("\0");
  } catch {
    return false;
  }
}

/** The whole environment of a request, in the order of CGI (spec/wagi.md §5.1): later ones never repeat a name. */
export function requestEnvironment(
  base: RouteEnvironment,
  route: Route,
  head: RequestHead,
  peer: string,
  bodyLength: number,
): Entry[] {
  const headers = headerEnvironment(head.headers);
  const env = base.entries.slice();
  for (const [key, value] of base.replaceable) if (!headers.names.has(key)) env.push(value);
  for (const value of headers.entries) env.push(value);
  const host = head.authority?.host ?? DEFAULT_HOST;
  const port = head.authority?.port ?? DEFAULT_PORT;
  env.push(
    remoteAddress.of(peer),
    remoteHost.of(peer),
    requestMethod.of(head.method),
    head.minorVersion === 1 ? HTTP_1_1 : HTTP_1_0,
    serverName.of(host),
    serverPort.of(port),
    contentLength.of(bodyLength),
    queryString.of(head.query ?? ""),
    fullUrl(host, port, head),
  );
  pushPathInfo(env, route.isWildcard ? head.path.slice(route.prefix.length) : "");
  return env;
}

function pushPathInfo(env: Entry[], raw: string): void {
  env.push(rawPathInfo.of(raw));
  if (!raw.includes("%")) {
    env.push(pathInfo.of(raw), pathTranslated.of(raw));
    return;
  }
  const decoded = decodeURIComponent(raw);
  env.push(utf8("PATH_INFO", decoded), utf8("PATH_TRANSLATED", decoded));
}

/** One variable whose value is mostly that of the request before: comparing is cheaper than making or looking up an entry. */
class Variable {
  readonly #key: string;
  #value: string | number | undefined;
  #entry: Entry = new Uint8Array(0);

  constructor(key: string) {
    this.#key = key;
  }

  of(value: string | number): Entry {
    if (value === this.#value) return this.#entry;
    this.#value = value;
    this.#entry = cached(this.#key, String(value));
    return this.#entry;
  }
}

const remoteAddress = new Variable("REMOTE_ADDR");
const remoteHost = new Variable("REMOTE_HOST");
const requestMethod = new Variable("REQUEST_METHOD");
const serverName = new Variable("SERVER_NAME");
const serverPort = new Variable("SERVER_PORT");
const contentLength = new Variable("CONTENT_LENGTH");
const queryString = new Variable("QUERY_STRING");
const rawPathInfo = new Variable("X_RAW_PATH_INFO");
const pathInfo = new Variable("PATH_INFO");
const pathTranslated = new Variable("PATH_TRANSLATED");
const HTTP_1_1 = entry("SERVER_PROTOCOL", "HTTP/1.1");
const HTTP_1_0 = entry("SERVER_PROTOCOL", "HTTP/1.0");

let lastUrl = {
  host: "",
  port: 0,
  path: "",
  query: undefined as string | undefined,
  entry: new Uint8Array(0) as Entry,
};

/** X_FULL_URL, the last one again when nothing of it differs. */
function fullUrl(host: string, port: number, { path, query }: RequestHead): Entry {
  const isSame = path === lastUrl.path && query === lastUrl.query && host === lastUrl.host && port === lastUrl.port;
  if (isSame) return lastUrl.entry;
  const url = `http://${host}:${port}${path}${query === undefined ? "" : `?${query}`}`;
  lastUrl = { host, port, path, query, entry: entry("X_FULL_URL", url) };
  return lastUrl.entry;
}

interface HeaderEnvironment {
  readonly names: ReadonlySet<string>;
  readonly entries: readonly Entry[];
}

const headerEnvironments = new WeakMap<HeaderBlock, HeaderEnvironment>();

/** CONTENT_TYPE and HTTP_*. Requests of one connection mostly share their headers, so they are made once for all of them. */
function headerEnvironment(headers: HeaderBlock): HeaderEnvironment {
  const known = headerEnvironments.get(headers);
  if (known) return known;
  const made = makeHeaderEnvironment(headers);
  headerEnvironments.set(headers, made);
  return made;
}

function makeHeaderEnvironment(headers: HeaderBlock): HeaderEnvironment {
  const values = new Map<string, string>();
  for (const { name, value } of headers.fields) {
    if (WITHHELD_HEADERS.has(name) || !PORTABLE_NAME.test(name)) continue;
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}${name === "cookie" ? "; " : ", "}${value}`);
  }
  const pairs = [...values].map(([name, value]): [string, string] => [
    `HTTP_${name.toUpperCase().replaceAll("-", "_")}`,
    ASCII.test(value) ? value : CORRUPT_VALUE,
  ]);
  const contentType = values.get("content-type") ?? "";
  return {
    names: new Set(pairs.map(([key]) => key)),
    entries: [
      entry("CONTENT_TYPE", ASCII.test(contentType) ? contentType : CORRUPT_VALUE),
      ...pairs.map(([key, value]) => entry(key, value)),
    ],
  };
}

const cache = new Map<string, Entry>();

/** An entry of ASCII text; short ones are kept, because the next request is likely to have the same. */
function cached(key: string, value: string): Entry {
  const text = `${key}=${value}`;
  if (text.length > MAX_CACHED_LENGTH) return Buffer.from(text, "latin1");
  const known = cache.get(text);
  if (known) return known;
  if (cache.size >= MAX_CACHED_ENTRIES) cache.clear();
  const made = Buffer.from(text, "latin1");
  cache.set(text, made);
  return made;
}

function entry(key: string, value: string): Entry {
  return Buffer.from(`${key}=${value}`, "latin1");
}

function utf8(key: string, value: string): Entry {
  return Buffer.from(`${key}=${value}`, "utf8");
}
