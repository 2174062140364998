import { z } from "zod";
import { objectKeys } from "./json-keys.ts";
import { checkRoute } from "./route.ts";

/** One entry of `alpha.wagi.krustlet.dev/modules`: how a container answers HTTP. */
export interface WagiModule {
  /** Name of the container in the pod. */
  readonly container: string;
  /** `/exact`, or `/prefix/...` for everything below. */
  readonly route: string;
  /** Exported function that answers a request. */
  readonly entrypoint: string;
  /** Origins the module may call; empty for none. */
  readonly allowedHosts: readonly string[];
  /** Open outbound responses per run; undefined is unlimited up to the process's cap. */
  readonly httpMaxConcurrency?: number;
  /** Wins over the container's own variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Host folder of each guest path. */
  readonly volumes: Readonly<Record<string, string>>;
}

/** A hostile annotation could cost memory and time in every worker. */
export const MODULES_LIMITS = {
  /** Length of the annotation. Kubernetes allows 256 KiB for all annotations of an object. */
  maxTextLength: 64 * 1024,
  maxModules: 256,
  maxEntries: 256,
  maxValueLength: 4096,
} as const;

const CONTAINER_NAME = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const ALLOW_ALL = "insecure:allow-all";

const text = z.string().max(MODULES_LIMITS.maxValueLength);
const plain = text.refine((value) => !value.includes("\0"), "must not contain a NUL character");
const absolutePath = plain.refine(isCleanAbsolutePath, 'must be an absolute path without ".." or empty parts');

const moduleSchema = z.strictObject({
  route: text.superRefine((route, context) => {
    const problem = checkRoute(route);
    if (problem) context.addIssue({ code: "custom", message: problem });
  }),
  entrypoint: plain.min(1, "must name an exported function").nullish(),
  allowed_hosts: z
    .array(text.refine(isAllowedHost, "must be a URL with a scheme and a host, as in https://example.com"))
    .max(MODULES_LIMITS.maxEntries)
    .nullish(),
  http_max_concurrency: z.int().min(1).max(0xffff_ffff).nullish(),
  environment: boundedRecord(plain.regex(/^[^=\0]+$/, 'a name must not be empty or contain "="'), plain).nullish(),
  volumes: boundedRecord(absolutePath, absolutePath).nullish(),
});

function boundedRecord<Key extends z.ZodType<string, string>, Value extends z.ZodType>(key: Key, value: Value) {
  return z
    .record(key, value)
    .refine(
      (record) => Object.keys(record).length <= MODULES_LIMITS.maxEntries,
      `at most ${MODULES_LIMITS.maxEntries} entries`,
    );
}

/**
 * Reads the annotation in the order it is written, which is the order routes are tried. Unknown keys, repeated keys, equal
 * routes and malformed values are refused with a SyntaxError that names the module and the key.
 */
export function parseWagiModules(annotation: string): readonly WagiModule[] {
  if (annotation.length > MODULES_LIMITS.maxTextLength)
    throw new SyntaxError(`longer than ${MODULES_LIMITS.maxTextLength} characters (${annotation.length})`);
  const names = objectKeys(annotation);
  if (names.length === 0) throw new SyntaxError("names no module");
  if (names.length > MODULES_LIMITS.maxModules)
    throw new SyntaxError(`names more than ${MODULES_LIMITS.maxModules} modules (${names.length})`);
  const values = JSON.parse(annotation) as Readonly<Record<string, unknown>>;
  const modules = names.map((name) => parseModule(name, values[name]));
  refuseEqualRoutes(modules);
  return modules;
}

function parseModule(container: string, value: unknown): WagiModule {
  if (!CONTAINER_NAME.test(container)) throw new SyntaxError(`${JSON.stringify(container)} is not a container name`);
  const parsed = moduleSchema.safeParse(value);
  if (!parsed.success) throw new SyntaxError(`module "${container}": ${describe(parsed.error)}`);
  const { route, entrypoint, allowed_hosts, http_max_concurrency, environment, volumes } = parsed.data;
  return {
    container,
    route,
    entrypoint: entrypoint ?? "_start",
    allowedHosts: allowed_hosts ?? [],
    ...(http_max_concurrency ? { httpMaxConcurrency: http_max_concurrency } : {}),
    environment: environment ?? {},
    volumes: volumes ?? {},
  };
}

function describe(error: z.ZodError): string {
  const [first] = error.issues;
  if (!first) return error.message;
  if (first.code === "unrecognized_keys")
    return `unknown key ${first.keys.map((key) => `"${key}"`).join(", ")}; known are ${Object.keys(moduleSchema.shape).join(", ")}`;
  const place = first.path.length > 0 ? `${first.path.join(".")}: ` : "";
  return `${place}${first.message}`;
}

function refuseEqualRoutes(modules: readonly WagiModule[]): void {
  const owners = new Map<string, string>();
  for (const { route, container } of modules) {
    const owner = owners.get(route);
    if (owner !== undefined)
      throw new SyntaxError(`modules "${owner}" and "${container}" have the same route ${route}`);
    owners.set(route, container);
  }
}

/** The rule of wasi-experimental-http: an absolute URL of which only the host counts (spec/wagi.md 6). */
function isAllowedHost(entry: string): boolean {
  if (entry === ALLOW_ALL) return true;
  return URL.canParse(entry) && new URL(entry).hostname !== "";
}

function isCleanAbsolutePath(path: string): boolean {
  if (path === "/") return true;
  return (
    path.startsWith("/") &&
    path
      .slice(1)
      .replace(/\/$/, "")
      .split("/")
      .every((part) => part !== "" && part !== "..")
  );
}
