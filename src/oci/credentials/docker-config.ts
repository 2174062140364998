import { z } from "zod";
import { RegistryError } from "../errors.ts";
import { type Credential, credentialOf, type CredentialSource } from "./credential.ts";
import type { CredentialHelper } from "./credential-helper.ts";

const text = z.string().nullish();
const entrySchema = z.object({
  username: text,
  password: text,
  auth: text,
  identitytoken: text,
  registrytoken: text,
});
const entries = z.record(z.string(), entrySchema);
const configSchema = z.object({
  auths: entries.nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});

/** A Docker `config.json` or the same as a `kubernetes.io/dockerconfigjson` Secret holds it. */
export interface DockerConfig {
  readonly auths: ReadonlyMap<string, z.output<typeof entrySchema>>;
  readonly helpers: ReadonlyMap<string, string>;
  readonly defaultHelper?: string;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** Largest config read: they are written by hand or by `docker login`. */
export const MAX_DOCKER_CONFIG_BYTES = 1024 * 1024;

/**
 * Reads a Docker config; also the older `.dockercfg`, which is the `auths` alone. Throws RegistryError BAD_CREDENTIALS, whose
 * message shows nothing of the content.
 */
export function parseDockerConfig(content: string, source: string): DockerConfig {
  if (content.length > MAX_DOCKER_CONFIG_BYTES) throw bad(source, "it is larger than 1 MiB");
  const value = parseJson(content, source);
  const isOld = typeof value === "object" && value !== null && Object.keys(value).length > 0 && isEntries(value);
  const parsed = configSchema.safeParse(isOld ? { auths: value } : value);
  if (!parsed.success) throw bad(source, `${parsed.error.issues[0]?.path.join(".") ?? ""} is not what it should be`);
  const { auths, credHelpers, credsStore } = parsed.data;
  return {
    auths: new Map(Object.entries(auths ?? {})),
    helpers: new Map(Object.entries(credHelpers ?? {})),
    ...(credsStore ? { defaultHelper: credsStore } : {}),
    source,
  };
}

/** Looks credentials up in a Docker config, asking its helpers (`credHelpers`, `credsStore`) through `helper`. */
export function dockerConfigCredentials(config: DockerConfig, helper: CredentialHelper): CredentialSource {
  return {
    async find(registry, repository, signal) {
      const program = config.helpers.get(registry) ?? config.helpers.get(hubKey(registry));
      if (program) return helper.get(program, serverName(registry), signal);
      const key = bestKey([...config.auths.keys()], registry, repository);
      const entry = key === undefined ? undefined : config.auths.get(key);
      const found = entry && readEntry(entry, key ?? "", config.source);
      if (found || !config.defaultHelper) return found;
      return helper.get(config.defaultHelper, serverName(registry), signal);
    },
  };
}

function readEntry(entry: z.output<typeof entrySchema>, key: string, source: string): Credential | undefined {
  const { username, password, auth, identitytoken, registrytoken } = entry;
  try {
    return credentialOf({
      username: username ?? "",
      password: password ?? "",
      auth: auth ?? "",
      identityToken: identitytoken ?? "",
      registryToken: registrytoken ?? "",
    });
  } catch (error) {
    throw bad(source, `the entry for ${key} cannot be used: ${(error as Error).message}`);
  }
}

/**
 * The longest of the keys that fit: a host, a host with a path before the repository, `*` standing for a part of the host name
 * (as in the kubelet's keyring), or a URL as old versions of Docker wrote them.
 */
export function bestKey(keys: readonly string[], registry: string, repository: string): string | undefined {
  const fitting = keys.filter((key) => fits(key, registry, repository));
  return fitting.toSorted((a, b) => normalise(b).length - normalise(a).length)[0];
}

function fits(key: string, registry: string, repository: string): boolean {
  const [host = "", ...path] = normalise(key).split("/");
  if (!hostFits(host, registry)) return false;
  const prefix = path.join("/");
  return prefix === "" || repository === prefix || repository.startsWith(`${prefix}/`);
}

function normalise(key: string): string {
  const place = key
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/\/+$/, "");
  const [host = "", ...path] = place.split("/");
  const isApi = path.length === 1 && (path[0] === "v1" || path[0] === "v2");
  const name = host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
  return isApi ? name : [name, ...path].join("/");
}

function hostFits(pattern: string, registry: string): boolean {
  const labels = pattern.split(".");
  const found = registry.split(".");
  return labels.length === found.length && labels.every((label, index) => labelFits(label, found[index] ?? ""));
}

function labelFits(pattern: string, label: string): boolean {
  if (!pattern.includes("*")) return pattern === label;
  const [first = "", ...rest] = pattern.split("*");
  if (!label.startsWith(first)) return false;
  let at = first.length;
  for (const [index, part] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const found = isLast ? label.length - part.length : label.indexOf(part, at);
    if (found < at || !label.startsWith(part, found)) return false;
    at = found + part.length;
  }
  return true;
}

/** Docker Hub's name in config files. */
const HUB = "https://index.docker.io/v1/";

function hubKey(registry: string): string {
  return registry === "docker.io" ? HUB : registry;
}

/** What a credential helper knows a registry by. */
function serverName(registry: string): string {
  return hubKey(registry);
}

function isEntries(value: object): boolean {
  return (
    !("auths" in value) && Object.keys(value).every((key) => /[./:]/.test(key)) && entries.safeParse(value).success
  );
}

function parseJson(content: string, source: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    // The parser's message would quote the content.
    throw bad(source, "it is not JSON");
  }
}

function bad(source: string, why: string): RegistryError {
  return new RegistryError("BAD_CREDENTIALS", `Cannot read the registry credentials in ${source}: ${why}`);
}
