import { formatBytes } from "../base/index.ts";
import { type ContainerConfig, CriError, type KeyValue, type LinuxContainerResources } from "../cri/index.ts";
import type { ContainerSpec, WagiSpec } from "../shim/index.ts";
import type { PodLimits, WagiModule } from "./annotations/index.ts";
import type { Inspection } from "./images/index.ts";
import type { FolderMount } from "./mounts.ts";
import type { ContainerRecord } from "./state.ts";

/** What the shim needs to know to run a container. */
export function containerSpecOf(
  { id, config, moduleDigest, module }: ContainerRecord,
  folders: readonly FolderMount[],
  limits: PodLimits,
): ContainerSpec {
  return {
    id,
    name: config.metadata.name,
    digest: moduleDigest,
    args: module ? [...config.command, ...config.args] : commandLine(config),
    env: environmentOf(config, module),
    mounts: folders.map(({ guestPath, readOnly }) => ({ guestPath, readOnly })),
    memoryBytes: memoryLimitOf(config, limits),
    weight: weightOf(config.linux.resources),
  };
}

function memoryLimitOf({ linux }: ContainerConfig, limits: PodLimits): number {
  return linux.resources.memoryLimitInBytes || limits.memoryBytes;
}

/** Throws CriError FAILED_PRECONDITION when the module can never run as this container. */
export function refuseUnrunnable(
  config: ContainerConfig,
  { exports, memory }: Inspection,
  wagi: WagiModule | undefined,
  limits: PodLimits,
): void {
  const refuse = (why: string): never => {
    throw new CriError("FAILED_PRECONDITION", `Container ${config.metadata.name}: image ${config.image.image} ${why}`);
  };
  if (!wagi && !exports.some(({ name, isEntrypoint }) => name === "_start" && isEntrypoint))
    refuse("has a module without a function _start, so it cannot run as a command");
  const limit = memoryLimitOf(config, limits);
  if (memory && memory.minBytes > limit)
    refuse(`has a module that needs ${formatBytes(memory.minBytes)} of memory; its limit is ${formatBytes(limit)}`);
}

export function wagiSpecOf(module: WagiModule, limits: PodLimits): WagiSpec {
  const { route, entrypoint, allowedHosts, httpMaxConcurrency } = module;
  const { memoryBytes: _, ...requestLimits } = limits;
  return {
    route,
    entrypoint,
    allowedHosts,
    ...(httpMaxConcurrency === undefined ? {} : { httpMaxConcurrency }),
    limits: requestLimits,
  };
}

/** argv of a command. A module has no file name to start from, so without `command` it goes by its container's name. */
function commandLine({ command, args, metadata }: ContainerConfig): readonly string[] {
  return command.length > 0 ? [...command, ...args] : [metadata.name, ...args];
}

/** Later ones win: the container's variables, then those of its module in the annotation. */
function environmentOf({ envs, workingDir }: ContainerConfig, module?: WagiModule): readonly KeyValue[] {
  const merged = new Map(envs.map(({ key, value }) => [key, value]));
  // WASI has no working directory; libraries that imitate one (Go's) begin with this variable.
  if (workingDir !== "" && !merged.has("PWD")) merged.set("PWD", workingDir);
  for (const [key, value] of Object.entries(module?.environment ?? {})) merged.set(key, value);
  return [...merged].map(([key, value]) => ({ key, value }));
}

const ORDINARY_WEIGHT = 100;
/** What a kubelet sends for a container without a CPU request. */
const MIN_CPU_SHARES = 2;

/** CPU weight in millicores, from CRI's shares of 1024 a core; containers that ask for nothing are ordinary. */
function weightOf({ cpuShares }: LinuxContainerResources): number {
  if (cpuShares <= MIN_CPU_SHARES) return ORDINARY_WEIGHT;
  return Math.max(1, Math.round((cpuShares * 1000) / 1024));
}
