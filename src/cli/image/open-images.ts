import { readFile } from "node:fs/promises";
import path from "node:path";
import { silentLogger, systemClock } from "../../base/index.ts";
import {
  createImageClient,
  createImageStore,
  type CredentialSource,
  dockerConfigCredentials,
  type ImageClient,
  type ImageStore,
  type Mirror,
  noCredentials,
  parseDockerConfig,
  parseMirror,
  type ProxySettings,
  spawnedHelper,
} from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { defaultImageRoot, dockerConfigFile } from "./user-folders.ts";

/** What the flags about images hold. */
export interface ImageSettings {
  /** Folder of the store. @default defaultImageRoot() */
  readonly root?: string;
  /** `registry=folder` or `registry=http[s]://host/prefix`. */
  readonly mirror?: readonly string[];
  /** `host[:port]`. */
  readonly insecureRegistry?: readonly string[];
  /** Largest layer or module moved, in bytes. @default 256 MiB */
  readonly maxLayerSize?: number;
}

/** The user's image store and a client for it. Dispose of it to close both. */
export interface Images extends AsyncDisposable {
  readonly store: ImageStore;
  readonly client: ImageClient;
}

/** Opens the store with the user's credentials and proxies. Throws StoreError, RegistryError BAD_CREDENTIALS or a Failure. */
export async function openImages(settings: ImageSettings, { env, cwd }: CommandContext): Promise<Images> {
  const mirrors = readMirrors(settings.mirror ?? [], cwd);
  const root = settings.root === undefined ? defaultImageRoot(env) : path.resolve(cwd, settings.root);
  const credentials = await userCredentials(env);
  const store = await createImageStore({ root, clock: systemClock, log: silentLogger });
  const insecureRegistries = new Set((settings.insecureRegistry ?? []).map((each) => each.toLowerCase()));
  const client = createImageClient({
    store,
    mirrors,
    insecureRegistries,
    credentials,
    proxy: proxyOf(env),
    limits: settings.maxLayerSize === undefined ? {} : { maxLayerBytes: settings.maxLayerSize },
    clock: systemClock,
    log: silentLogger,
  });
  const dispose = async () => {
    await client[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  };
  return { store, client, [Symbol.asyncDispose]: dispose };
}

/** Mirrors by registry; folders are taken from `cwd`. */
function readMirrors(texts: readonly string[], cwd: string): ReadonlyMap<string, readonly Mirror[]> {
  const mirrors = new Map<string, readonly Mirror[]>();
  for (const text of texts) {
    const { registry, mirror } = readMirror(text);
    const resolved = mirror.kind === "layout" ? { ...mirror, folder: path.resolve(cwd, mirror.folder) } : mirror;
    mirrors.set(registry, [...(mirrors.get(registry) ?? []), resolved]);
  }
  return mirrors;
}

function readMirror(text: string) {
  try {
    return parseMirror(text);
  } catch (cause) {
    throw badInput((cause as Error).message, { cause });
  }
}

async function userCredentials(env: CommandContext["env"]): Promise<CredentialSource> {
  const file = dockerConfigFile(env);
  const content = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw badInput(`Cannot read the registry credentials in ${file}: ${error.code ?? error.message}`, { cause: error });
  });
  if (content === undefined) return noCredentials;
  return dockerConfigCredentials(parseDockerConfig(content, file), spawnedHelper(env, systemClock));
}

function proxyOf(env: CommandContext["env"]): ProxySettings {
  const read = (name: string) => env[name.toLowerCase()] ?? env[name] ?? "";
  return { httpProxy: read("HTTP_PROXY"), httpsProxy: read("HTTPS_PROXY"), noProxy: read("NO_PROXY") };
}
