import { isIPv4 } from "node:net";
import { RegistryError } from "../errors.ts";
import { splitHostPort } from "../reference/reference.ts";

/** Docker Hub's images are named by another host than the one that serves them. */
const SERVED_BY: Readonly<Record<string, string>> = { "docker.io": "registry-1.docker.io" };

/** How a registry may be spoken to. Plain http gives away credentials and images to everybody on the way. */
export type Transport =
  /** https, its certificate verified. */
  | "secure"
  /** https or http, whichever answers: for loopback, where nobody is on the way. Certificates are verified. */
  | "loopback"
  /** https with any certificate, or http: what `--insecure-registry` asks for. */
  | "insecure"
  /** http: a mirror that was given as such a URL. */
  | "plain";

/** A registry as a client reaches it. */
export interface Endpoint {
  /** `host[:port]` as references name it. */
  readonly registry: string;
  /** `host[:port]` to connect to. */
  readonly host: string;
  readonly transport: Transport;
}

/** Where a registry is reached, and how safely it has to be. */
export function endpointOf(registry: string, insecureRegistries: ReadonlySet<string>): Endpoint {
  const host = SERVED_BY[registry] ?? registry;
  if (insecureRegistries.has(registry)) return { registry, host, transport: "insecure" };
  return { registry, host, transport: isLoopback(registry) ? "loopback" : "secure" };
}

/** Whether `host[:port]` can only be this machine. */
export function isLoopback(registry: string): boolean {
  const host = splitHostPort(registry)?.host ?? "";
  return host === "localhost" || host === "[::1]" || (isIPv4(host) && host.startsWith("127."));
}

/**
 * Checks a URL that a registry sent us to (a token server, a redirect, an upload): https, or plain http where the registry itself
 * was reached by it and the URL stays on loopback or on that registry's host. Throws RegistryError UNSAFE.
 */
export function checkFollowUp(url: URL, from: URL): void {
  if (url.protocol === "https:") return;
  const isAsSafe = from.protocol === "http:" && (url.host === from.host || isLoopback(url.host));
  if (url.protocol === "http:" && isAsSafe) return;
  throw new RegistryError(
    "UNSAFE",
    `${from.host} leads to ${url.protocol}//${url.host}, which is not encrypted; it must lead to https`,
  );
}

/** A URL for messages: without user, query and fragment, where registries put secrets. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
