import type { Pod } from "../api/index.ts";
import { error, type Finding } from "./problem.ts";

const MODULES = "alpha.wagi.krustlet.dev/modules";
const DEFAULT_HOST = "alpha.wagi.krustlet.dev/default-host";
const TAKEOVER = "wasipool.dev/takeover";
/** WAGI's own default (spec of Krustlet's WAGI provider). */
const DEFAULT_ADDRESS = "127.0.0.1:3000";
const IPV4_PORT = /^((?:\d{1,3}\.){3}\d{1,3}):(\d{1,5})$/;
const IPV6_PORT = /^\[([0-9a-fA-F:.]+)\]:(\d{1,5})$/;

/** What these checks read of a pod or a pod template. */
export interface Annotated {
  readonly metadata: Pick<Pod["metadata"], "annotations">;
  readonly spec: Pick<Pod["spec"], "containers">;
}

/** Whether the pod answers HTTP by the WAGI annotation. */
export function isWagiPod({ metadata }: Annotated): boolean {
  return Object.hasOwn(metadata.annotations, MODULES);
}

/**
 * Checks the WAGI annotations against the pod's containers before anything starts: a runtime does not know yet which containers will
 * come. The rest of an entry (hosts, volumes, …) is the runtime's to check.
 */
export function validateWagi(pod: Annotated, at: string): readonly Finding[] {
  if (Object.hasOwn(pod.metadata.annotations, TAKEOVER))
    return [error(`${at}[${JSON.stringify(TAKEOVER)}]`, "is set by the kubelet when it replaces a pod")];
  const text = pod.metadata.annotations[MODULES];
  if (text === undefined) return [];
  const path = `${at}[${JSON.stringify(MODULES)}]`;
  const modules = parseModules(text);
  if (typeof modules === "string") return [error(path, modules)];
  const address = pod.metadata.annotations[DEFAULT_HOST];
  return [
    ...validateEntries(modules, pod, path),
    ...(address === undefined || parseAddress(address)
      ? []
      : [
          error(
            `${at}[${JSON.stringify(DEFAULT_HOST)}]`,
            `must be IP:port, as in 0.0.0.0:3001, not ${JSON.stringify(address)}`,
          ),
        ]),
  ];
}

function parseModules(text: string): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be a JSON object";
    return Object.keys(value).length === 0 ? "names no module" : (value as Record<string, unknown>);
  } catch (cause) {
    return `is not JSON: ${(cause as Error).message}`;
  }
}

function validateEntries(modules: Readonly<Record<string, unknown>>, pod: Annotated, path: string): readonly Finding[] {
  const names = new Set(pod.spec.containers.map(({ name }) => name));
  const owners = new Map<string, string>();
  return Object.entries(modules).flatMap(([name, module]) => {
    if (!names.has(name))
      return [
        error(path, `module ${JSON.stringify(name)} is no container of the pod; they are ${[...names].join(", ")}`),
      ];
    const route = typeof module === "object" && module !== null && "route" in module ? module.route : undefined;
    if (typeof route !== "string" || !route.startsWith("/"))
      return [error(path, `module "${name}" must have a route that begins with "/"`)];
    const owner = owners.get(route);
    owners.set(route, owner ?? name);
    return owner === undefined ? [] : [error(path, `modules "${owner}" and "${name}" have the same route ${route}`)];
  });
}

/** Address of a WAGI pod's listener. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The address a pod will listen on; undefined when it is no WAGI pod or the address is malformed. */
export function listenAddressOf(pod: Annotated): ListenAddress | undefined {
  return isWagiPod(pod) ? parseAddress(pod.metadata.annotations[DEFAULT_HOST] ?? DEFAULT_ADDRESS) : undefined;
}

/** Whether only one of two listeners can be bound: the same port on the same address, or one of them on all addresses. */
export function isSameListener(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || [one.host, other.host].some((host) => host === "0.0.0.0" || host === "::");
}

/** The pod with another address. */
export function listeningOn<P extends Annotated>(pod: P, address: string): P {
  const annotations = { ...pod.metadata.annotations, [DEFAULT_HOST]: address };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseAddress(text: string): ListenAddress | undefined {
  const [, v4, v4Port] = IPV4_PORT.exec(text) ?? [];
  const [, v6, v6Port] = IPV6_PORT.exec(text) ?? [];
  const port = Number(v4Port ?? v6Port);
  const host = v4 ?? v6;
  if (host === undefined || port > 65_535) return undefined;
  return v4 !== undefined && v4.split(".").some((part) => Number(part) > 255) ? undefined : { host, port };
}

/** Names of the containers that answer HTTP; empty for a pod without HTTP or with an annotation that is not JSON. */
export function wagiContainers(pod: Annotated): readonly string[] {
  const modules = parseModules(pod.metadata.annotations[MODULES] ?? "{}");
  return typeof modules === "string" ? [] : Object.keys(modules);
}
