import { CallFailure, CODE } from "./failure.ts";

/** An entry that allows every host. Addresses are still checked. */
export const ALLOW_ALL_HOSTS = "insecure:allow-all";

/**
 * Refuses a URL whose host no entry names. Entries are absolute URLs of which only the host counts: not its sub-domains, and any
 * scheme, port and path. Throws `CallFailure` 10 when an entry is not such a URL, whatever the other entries say, and 7 when no
 * entry names the host.
 */
export function requireAllowedHost(allowedHosts: readonly string[], url: URL): void {
  const hosts = new Set(allowedHosts.map(hostOf));
  if (hosts.has(ALLOW_ALL_HOSTS) || hosts.has(url.hostname)) return;
  throw new CallFailure(CODE.destinationNotAllowed, `the host ${url.hostname} is not in the module's allowed_hosts`);
}

function hostOf(entry: string): string {
  if (entry === ALLOW_ALL_HOSTS) return entry;
  const host = URL.parse(entry)?.hostname ?? "";
  if (host !== "") return host.toLowerCase();
  throw new CallFailure(
    CODE.invalidUrl,
    `the entry ${JSON.stringify(entry)} of allowed_hosts is not a URL with a host, such as https://example.com`,
  );
}
