import { isIPv6 } from "node:net";
import type { Authority } from "./request.ts";

const FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|((?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+))(?::(\d{0,5}))?$/;
const MAX_PORT = 65_535;

/** Reads `host[:port]` as Host fields and targets have it (RFC 9110 §7.2), without user information. Undefined when it is none. */
export function parseAuthority(text: string): Authority | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, ipv6, name = "", digits] = match;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined;
  const port = digits ? Number(digits) : undefined;
  if (port !== undefined && port > MAX_PORT) return undefined;
  return { host: ipv6 === undefined ? name : `[${ipv6}]`, port };
}
