import { METHODS } from "node:http";
import { parseAuthority } from "./authority.ts";
import { type Authority, RequestRejected } from "./request.ts";

/** The first line of a request, read (RFC 9112 §3). */
export interface RequestLine {
  readonly method: string;
  readonly path: string;
  readonly query: string | undefined;
  /** From an absolute-form target. */
  readonly authority: Authority | undefined;
  readonly minorVersion: 0 | 1;
}

/** Those that Node's parser knows, so that both read the same; tunnels are no business of an origin server. */
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== "CONNECT"));
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Visible ASCII without `#`: a fragment is never sent. */
const TARGET = /^[!"$-~]+$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]+)(.*)$/i;

/** Throws RequestRejected (400, 501, 505) for anything but one method, one target and HTTP/1.0 or 1.1 between single spaces. */
export function parseRequestLine(line: string): RequestLine {
  const first = line.indexOf(" ");
  const last = line.indexOf(" ", first + 1);
  if (first <= 0 || last < 0) throw new RequestRejected(400, "Request line has not three parts");
  const method = line.slice(0, first);
  const minorVersion = parseVersion(line.slice(last + 1));
  if (!KNOWN_METHODS.has(method)) throw unknownMethod(method);
  return parseTarget(method, line.slice(first + 1, last), minorVersion);
}

function parseVersion(text: string): 0 | 1 {
  if (text === "HTTP/1.1") return 1;
  if (text === "HTTP/1.0") return 0;
  throw new RequestRejected(/^HTTP\/\d\.\d$/.test(text) ? 505 : 400, `Version "${text}" is not HTTP/1.0 or HTTP/1.1`);
}

function unknownMethod(method: string): RequestRejected {
  return new RequestRejected(TOKEN.test(method) ? 501 : 400, `Method "${method}" is not known`);
}

function parseTarget(method: string, target: string, minorVersion: 0 | 1): RequestLine {
  if (!TARGET.test(target)) throw badTarget(target);
  if (target.startsWith("/")) return { method, ...splitQuery(target), authority: undefined, minorVersion };
  if (target === "*" && method === "OPTIONS") {
    return { method, path: "*", query: undefined, authority: undefined, minorVersion };
  }
  const [, host = "", rest = ""] = ABSOLUTE_FORM.exec(target) ?? [];
  const authority = parseAuthority(host);
  if (!authority) throw badTarget(target);
  return { method, ...splitQuery(rest.startsWith("/") ? rest : `/${rest}`), authority, minorVersion };
}

function badTarget(target: string): RequestRejected {
  return new RequestRejected(400, `Target "${target}" is neither a path nor an http URL`);
}

function splitQuery(target: string): { path: string; query: string | undefined } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: undefined };
  return { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
