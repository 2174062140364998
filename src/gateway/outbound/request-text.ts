import { validateHeaderName, validateHeaderValue } from "node:http";
import { CallFailure, CODE } from "./failure.ts";

/** Header fields by lower-case name. */
export type HeaderFields = ReadonlyMap<string, string>;

/**
 * Fields that say how a message is framed or that belong to one connection: those are ours. A guest that could set them could smuggle
 * a second request past a proxy.
 */
const OURS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Any token but CONNECT, which makes a tunnel. Throws `CallFailure` 8. */
export function parseMethod(text: string): string {
  if (TOKEN.test(text) && text !== "CONNECT") return text;
  throw new CallFailure(CODE.invalidMethod, `the method ${JSON.stringify(text)} is refused`);
}

/**
 * Reads lines of `name:value`. Of lines with the same name the last counts; fields that are ours are left out, and so is what a
 * guest's `Connection` names. Throws `CallFailure` 9.
 */
export function parseHeaderLines(text: string): HeaderFields {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "" || line === "\r") continue;
    const [name, value] = parseLine(line);
    fields.set(name, value);
  }
  const listed = (fields.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
  for (const name of [...OURS, ...listed]) fields.delete(name);
  return fields;
}

function parseLine(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(0, colon)).toLowerCase();
  // Node sends the low byte of each character; this way the guest's bytes go out as they are.
  const value = Buffer.from(line.slice(colon + 1).trim(), "utf8").toString("latin1");
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch (error) {
    throw new CallFailure(CODE.invalidEncoding, "a header line is not name:value", { cause: error });
  }
  return [name, value];
}
