import { CriError } from "../../cri/index.ts";
import { LIMITS, parseLimits, type PodLimits } from "./limits.ts";
import { ANNOTATIONS, OWN_PREFIX } from "./names.ts";
import { parseWagiModules, type WagiModule } from "./wagi-modules.ts";

/** What a pod's annotations ask of the runtime. */
export interface PodAnnotations {
  readonly limits: PodLimits;
  /** Set for a pod that answers HTTP. */
  readonly wagi?: WagiAnnotations;
}

export interface WagiAnnotations {
  /** Listen address as written, or WAGI's default. */
  readonly address: string;
  /** In the order their routes are tried. */
  readonly modules: readonly WagiModule[];
  /** Sandbox whose listener this one takes instead of binding its own. */
  readonly takeover?: string;
}

/** WAGI's own default (spec/wagi.md 4.1). */
export const DEFAULT_LISTEN_ADDRESS = "127.0.0.1:3000";

/** Reads and checks a pod's annotations. Throws CriError INVALID_ARGUMENT that names the annotation and the fault. */
export function parsePodAnnotations(
  annotations: Readonly<Record<string, string>>,
  defaults: PodLimits,
): PodAnnotations {
  refuseUnusable(annotations);
  const limits = within(undefined, () => parseLimits(annotations, defaults));
  const modulesText = annotations[ANNOTATIONS.modules];
  if (modulesText === undefined) {
    refuseWithoutModules(annotations);
    return { limits };
  }
  const takeover = annotations[ANNOTATIONS.takeover];
  return {
    limits,
    wagi: {
      address: annotations[ANNOTATIONS.defaultHost] ?? DEFAULT_LISTEN_ADDRESS,
      modules: within(ANNOTATIONS.modules, () => parseWagiModules(modulesText)),
      ...(takeover === undefined ? {} : { takeover }),
    },
  };
}

function refuseUnusable(annotations: Readonly<Record<string, string>>): void {
  for (const name of [ANNOTATIONS.allowedDomains, ANNOTATIONS.maxConcurrentRequests])
    if (annotations[name] !== undefined)
      throw invalid(`${name}: commands cannot make outbound HTTP requests yet; WAGI modules can, with "allowed_hosts"`);
  const known = new Set<string>([ANNOTATIONS.takeover, ...Object.values(LIMITS).map((limit) => limit.annotation)]);
  const unknown = Object.keys(annotations).find((name) => name.startsWith(OWN_PREFIX) && !known.has(name));
  if (unknown) throw invalid(`${unknown} is unknown; known are ${[...known].toSorted().join(", ")}`);
}

function refuseWithoutModules(annotations: Readonly<Record<string, string>>): void {
  for (const name of [ANNOTATIONS.defaultHost, ANNOTATIONS.takeover])
    if (annotations[name] !== undefined) throw invalid(`${name} needs ${ANNOTATIONS.modules} beside it`);
}

function within<Value>(annotation: string | undefined, parse: () => Value): Value {
  try {
    return parse();
  } catch (cause) {
    const text = (cause as Error).message;
    throw invalid(annotation === undefined ? text : `${annotation}: ${text}`, cause);
  }
}

function invalid(message: string, cause?: unknown): CriError {
  return new CriError("INVALID_ARGUMENT", `Annotation ${message}`, { cause });
}
