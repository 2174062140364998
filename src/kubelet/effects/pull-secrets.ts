import type { AuthConfig } from "../../cri/index.ts";
import type { Pod, Secret } from "../api/index.ts";
import type { ConfigObjects } from "../config-objects.ts";

/** Credentials of a pod for an image, and the names of secrets that should have held some but could not be used. */
export interface PullCredentials {
  /** To be tried in this order; empty for none. */
  readonly credentials: readonly AuthConfig[];
  readonly unusable: readonly string[];
}

/** What the pod's `imagePullSecrets` hold for an image: entries that name the most of its path first. */
export function pullCredentials(pod: Pod, image: string, objects: ConfigObjects): PullCredentials {
  const unusable: string[] = [];
  const entries = pod.spec.imagePullSecrets.flatMap(({ name }) => {
    const secret = objects.secret(pod.metadata.namespace, name);
    const found = secret && readSecret(secret);
    if (!found) unusable.push(name);
    return found ?? [];
  });
  const wanted = locationOf(image);
  const credentials = entries
    .filter(({ location }) => covers(location, wanted))
    .toSorted((a, b) => b.location.length - a.location.length)
    .map(({ auth }) => auth);
  return { credentials, unusable };
}

interface Entry {
  /** `host[:port][/path]` */
  readonly location: string;
  readonly auth: AuthConfig;
}

/** Undefined when the secret is of another type or does not hold what its type says. */
function readSecret({ type, data }: Secret): readonly Entry[] | undefined {
  const isCurrent = type === "kubernetes.io/dockerconfigjson";
  if (!isCurrent && type !== "kubernetes.io/dockercfg") return undefined;
  const bytes = data[isCurrent ? ".dockerconfigjson" : ".dockercfg"];
  const config = bytes && parseJson(new TextDecoder().decode(bytes));
  const auths = isCurrent ? asMap(config)?.["auths"] : config;
  const entries = asMap(auths);
  return entries && Object.entries(entries).flatMap(([location, value]) => readEntry(location, value));
}

function readEntry(location: string, value: unknown): readonly Entry[] {
  const { username, password, auth, identitytoken, registrytoken } = asMap(value) ?? {};
  const fields = { username, password, auth, identityToken: identitytoken, registryToken: registrytoken };
  const texts = Object.entries(fields).filter(([, text]) => typeof text === "string" && text !== "");
  if (texts.length === 0) return [];
  return [{ location: withoutScheme(location), auth: Object.fromEntries(texts) }];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The text is a credential: nothing of it may go into a message. The caller names the secret.
    return undefined;
  }
}

function asMap(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

const DOCKER_HUB = "index.docker.io";

/** `host[:port]/path` of an image, Docker Hub's short forms included. */
function locationOf(image: string): string {
  const name = image.split("@")[0] ?? image;
  const [first = "", ...rest] = name.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return hasHost ? name : `${DOCKER_HUB}/${name}`;
}

function withoutScheme(location: string): string {
  const bare = location.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
  return bare === "docker.io" || bare === "registry-1.docker.io" ? DOCKER_HUB : bare;
}

/** Whether a location is the image's or a folder above it; a host may begin with `*.`, which stands for one label. */
function covers(location: string, image: string): boolean {
  const [host = "", ...path] = location.split("/");
  const [imageHost = "", ...imagePath] = image.split("/");
  return isHost(host, imageHost) && path.every((part, index) => part === imagePath[index]?.replace(/:.*$/, ""));
}

function isHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith("*.")) return pattern === host;
  const dot = host.indexOf(".");
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}
