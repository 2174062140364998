import { parseQuantity } from "../../base/index.ts";
import { OWN_PREFIX } from "./names.ts";

const MiB = 1024 * 1024;

/** Limits of a pod's requests and instances. */
export interface PodLimits {
  readonly timeoutMs: number;
  readonly maxRequestBodyBytes: number;
  readonly maxResponseBytes: number;
  readonly maxResponseHeaderBytes: number;
  readonly concurrency: number;
  readonly queue: number;
  readonly memoryBytes: number;
}

/** How one limit is written, what it is when nobody says, and within which bounds a pod may move it. */
export interface LimitRule {
  readonly annotation: string;
  readonly unit: "duration" | "bytes" | "count";
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Limits a pod may set by annotation; docs/reference/limits.md says what each protects. Durations are `500ms`, `30s`, `5m`;
 * bytes are Kubernetes quantities (`10Mi`).
 */
export const LIMITS: Readonly<Record<keyof PodLimits, LimitRule>> = {
  timeoutMs: rule("request-timeout", "duration", [30_000, 1, 3_600_000]),
  maxRequestBodyBytes: rule("max-request-body", "bytes", [10 * MiB, 0, 1024 * MiB]),
  maxResponseBytes: rule("max-response", "bytes", [32 * MiB, 1024, 1024 * MiB]),
  maxResponseHeaderBytes: rule("max-response-headers", "bytes", [64 * 1024, 256, MiB]),
  concurrency: rule("concurrency", "count", [64, 1, 1024]),
  queue: rule("queue", "count", [256, 0, 65_536]),
  memoryBytes: rule("memory", "bytes", [256 * MiB, 64 * 1024, 4096 * MiB]),
};

function rule(name: string, unit: LimitRule["unit"], [value, min, max]: readonly [number, number, number]): LimitRule {
  return { annotation: `${OWN_PREFIX}${name}`, unit, default: value, min, max };
}

const LIMIT_NAMES = Object.keys(LIMITS) as (keyof PodLimits)[];

/** The defaults, with what the runtime's settings say instead. Throws RangeError for a setting outside its bounds. */
export function resolveLimits(settings: Partial<PodLimits> = {}): PodLimits {
  return fromNames((name) => {
    const value = settings[name];
    return value === undefined ? LIMITS[name].default : checked(LIMITS[name], value, String(value));
  });
}

/** The limits of a pod: its annotations over `defaults`. Throws RangeError or SyntaxError that names the annotation. */
export function parseLimits(annotations: Readonly<Record<string, string>>, defaults: PodLimits): PodLimits {
  return fromNames((name) => {
    const text = annotations[LIMITS[name].annotation];
    return text === undefined ? defaults[name] : checked(LIMITS[name], parseValue(LIMITS[name], text), text);
  });
}

function fromNames(value: (name: keyof PodLimits) => number): PodLimits {
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, value(name)])) as unknown as PodLimits;
}

function parseValue({ annotation, unit }: LimitRule, text: string): number {
  try {
    return unit === "duration" ? parseDurationMs(text) : parseQuantity(text);
  } catch (cause) {
    throw new SyntaxError(`${annotation}: ${(cause as Error).message}`, { cause });
  }
}

function checked({ annotation, min, max }: LimitRule, value: number, text: string): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${annotation}: ${text} is not a whole number from ${min} to ${max}`);
}

const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function parseDurationMs(text: string): number {
  const [, value, unit = ""] = DURATION.exec(text) ?? [];
  if (value === undefined) throw new SyntaxError(`Cannot parse duration "${text}"; write 500ms, 30s or 5m`);
  return Math.round(Number(value) * (UNIT_MS[unit] ?? Number.NaN));
}
