import { isIPv4, isIPv6 } from "node:net";

/** An IP address and TCP port to listen on. */
export interface ListenAddress {
  /** IPv4 or IPv6 as text, without brackets. */
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

const FORM = "it must be IP:port, such as 0.0.0.0:3001 or [::1]:3001";

/**
 * Reads `IPv4:port` or `[IPv6]:port`. Names, zones, missing parts, white space and leading zeros are refused, so that one text
 * means one socket everywhere. Throws `SyntaxError`.
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(.*)$/s.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new SyntaxError(`Cannot read the listen address ${JSON.stringify(text)}: ${FORM}`);
  if (bracketed === undefined ? !isIPv4(host) : !isIPv6(host) || host.includes("%")) {
    const kind = bracketed === undefined ? "IPv4" : "IPv6";
    throw new SyntaxError(
      `Cannot read the listen address ${JSON.stringify(text)}: ${JSON.stringify(host)} is no ${kind} address; ${FORM}`,
    );
  }
  if (!/^(?:0|[1-9]\d{0,4})$/.test(digits) || Number(digits) > 65_535) {
    throw new SyntaxError(
      `Cannot read the listen address ${JSON.stringify(text)}: ${JSON.stringify(digits)} is no port from 0 to 65535`,
    );
  }
  return { host, port: Number(digits) };
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: ListenAddress): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Whether a socket on `a` keeps another off `b`: the same port, and the same address or a wildcard over it. `[::]` covers IPv4
 * too, as `bindListener` makes it.
 */
export function coversAddress(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port) return false;
  if (isAnyIpv6(a.host) || isAnyIpv6(b.host)) return true;
  if (isIPv6(a.host) !== isIPv6(b.host)) return false;
  return a.host === ANY_IPV4 || b.host === ANY_IPV4 || canonical(a.host) === canonical(b.host);
}

const ANY_IPV4 = "0.0.0.0";
const ANY_IPV6 = /^[0:]+$/;

function isAnyIpv6(host: string): boolean {
  return isIPv6(host) && ANY_IPV6.test(host);
}

/** One spelling of each IPv6 address. */
function canonical(host: string): string {
  return isIPv6(host) ? new URL(`http://[${host}]/`).hostname : host;
}

/** URL under which people on this machine reach the address: a wildcard is shown as loopback, port 80 is left out. */
export function urlOf({ host, port }: ListenAddress): string {
  const shown = host === ANY_IPV4 ? "127.0.0.1" : isAnyIpv6(host) ? "::1" : host;
  return new URL(`http://${formatAddress({ host: shown, port })}/`).href;
}
