import { isIPv6 } from "node:net";
import { type Digest, parseDigest } from "./digest.ts";

/** Names an image: a repository in a registry, and a tag or digest there. */
export interface Reference {
  /** Host in lower case with its port if one was given, such as `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Path below the registry, such as `library/alpine`. */
  readonly repository: string;
  /** `latest` when neither tag nor digest was given. */
  readonly tag?: string;
  /** What counts when there is a tag too. */
  readonly digest?: Digest;
}

/** Longest reference accepted, in characters: name, port, tag and digest at their own maxima fit well. */
export const MAX_REFERENCE_LENGTH = 1024;
/** Longest repository, in characters; distribution's own limit. */
const MAX_REPOSITORY_LENGTH = 255;
/** Longest host name, RFC 1035 2.3.4. */
const MAX_HOST_LENGTH = 253;

const DOCKER_HUB = "docker.io";
const HOST_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = new RegExp(`^${HOST_LABEL}(?:\\.${HOST_LABEL})*$`);
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const ID = /^[0-9a-f]{64}$/;

/**
 * Reads an image reference by Docker's rules (distribution/reference): `hello` is `docker.io/library/hello:latest`; the first
 * component is a registry when it holds a dot, a colon or a capital, or is `localhost`.
 * Throws SyntaxError that says what is wrong.
 */
export function parseReference(text: string): Reference {
  const fail = (why: string): never => {
    throw new SyntaxError(`Cannot parse image reference "${shorten(text)}": ${why}`);
  };
  if (text === "") fail("it is empty");
  if (text.length > MAX_REFERENCE_LENGTH) fail(`it is longer than ${MAX_REFERENCE_LENGTH} characters`);
  if (text.includes("://")) fail("a reference has no scheme, write it without the part up to ://");
  if (ID.test(text))
    fail("64 hexadecimal digits alone are an image id; write sha256: before them or name a repository");
  const { rest, digest } = splitDigest(text, fail);
  const { name, tag } = splitTag(rest, fail);
  const { registry, path } = splitRegistry(name);
  checkRegistry(registry, fail);
  checkRepository(path, fail);
  const shown = tag ?? (digest ? undefined : "latest");
  return {
    registry,
    repository: path,
    ...(shown === undefined ? {} : { tag: shown }),
    ...(digest ? { digest } : {}),
  };
}

/** The whole reference, such as `docker.io/library/hello:latest`; parseReference() reads it back as the same. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest ? `@${digest}` : ""}`;
}

/** What an image is looked up by: as `formatReference`, but a tag beside a digest does not count. */
export function referenceKey(reference: Reference): string {
  return reference.digest ? `${repositoryName(reference)}@${reference.digest}` : formatReference(reference);
}

/** Registry and repository alone, such as `ghcr.io/team/hello`. */
export function repositoryName({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

type Fail = (why: string) => never;

function splitDigest(text: string, fail: Fail): { rest: string; digest?: Digest } {
  const at = text.indexOf("@");
  if (at < 0) return { rest: text };
  try {
    return { rest: text.slice(0, at), digest: parseDigest(text.slice(at + 1)) };
  } catch (error) {
    return fail((error as Error).message);
  }
}

function splitTag(text: string, fail: Fail): { name: string; tag?: string } {
  const colon = text.lastIndexOf(":");
  // A colon before the last slash, or inside an IPv6 address, belongs to the registry.
  if (colon < 0 || colon < text.lastIndexOf("/")) return { name: text };
  const tag = text.slice(colon + 1);
  if (!TAG.test(tag)) {
    fail(`the tag "${shorten(tag)}" must be 1 to 128 letters, digits, ".", "_" and "-", not beginning with "." or "-"`);
  }
  return { name: text.slice(0, colon), tag };
}

function splitRegistry(name: string): { registry: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  if (slash < 0 || !isRegistry(first)) return { registry: DOCKER_HUB, path: inLibrary(name) };
  const registry = first.toLowerCase();
  const path = name.slice(slash + 1);
  if (registry !== DOCKER_HUB && registry !== "index.docker.io") return { registry, path };
  return { registry: DOCKER_HUB, path: inLibrary(path) };
}

/** Docker Hub keeps its official images below `library`. */
function inLibrary(path: string): string {
  return path.includes("/") || path === "" ? path : `library/${path}`;
}

function isRegistry(component: string): boolean {
  return /[.:A-Z]/.test(component) || component === "localhost";
}

/** Splits `host[:port]`, where the host may be an IPv6 address in brackets. Undefined when it is malformed. */
export function splitHostPort(registry: string): { host: string; port?: number } | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(registry);
  if (!match) return undefined;
  const [, host = "", port] = match;
  return { host, ...(port === undefined ? {} : { port: Number(port) }) };
}

function checkRegistry(registry: string, fail: Fail): void {
  // A bare word is known as a registry by its capitals alone, which host names do not keep.
  if (!isRegistry(registry)) fail(`the registry "${shorten(registry)}" must be written with its port`);
  const { host, port } =
    splitHostPort(registry) ?? fail(`the registry "${shorten(registry)}" must be host or host:port`);
  if (port !== undefined && (port < 1 || port > 65_535)) fail(`the port ${port} is not between 1 and 65535`);
  if (host.startsWith("[") ? isIPv6(host.slice(1, -1)) : HOST.test(host) && host.length <= MAX_HOST_LENGTH) return;
  fail(`the registry "${shorten(host)}" is no host name or address`);
}

function checkRepository(path: string, fail: Fail): void {
  if (path === "") fail("the repository is missing");
  if (path.length > MAX_REPOSITORY_LENGTH) fail(`the repository is longer than ${MAX_REPOSITORY_LENGTH} characters`);
  if (path !== path.toLowerCase()) fail(`the repository "${shorten(path)}" must be in lower case`);
  const wrong = path.split("/").find((component) => !COMPONENT.test(component));
  if (wrong === undefined) return;
  fail(
    wrong === ""
      ? "two slashes stand together, or one stands at the end"
      : `"${shorten(wrong)}" must be lower-case letters and digits, joined by ".", "_", "__" or dashes`,
  );
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
