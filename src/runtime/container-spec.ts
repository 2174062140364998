import { formatBytes } from "../base/index.ts";
import { type ContainerConfig, CriError, type KeyValue, type LinuxContainerResources } from "../cri/index.ts";
import type { ContainerSpec, WagiSpec } from "../shim/index.ts";
import type { PodLimits, WagiModule } from "./annotations/index.ts";
import type { Inspection } from "./images/index.ts";
import { type FolderMount, foldersOf } from "./mounts.ts";
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

/** What a container may be given; the channel to the shim takes no more (docs/reference/limits.md). */
export const CONTAINER_LIMITS = {
  /** Folders, those of the annotation included; each is a descriptor of one message. */
  mounts: 128,
  /** Arguments, and variables. */
  items: 4096,
  /** Name of a variable, in characters. */
  variableName: 1024,
  /** Path in the guest, in characters. */
  guestPath: 4096,
  /** Arguments and variables together, in bytes as JSON. */
  textBytes: 1024 * 1024,
} as const;

/** Throws CriError INVALID_ARGUMENT for what no guest can be given. */
export function refuseMalformed(config: ContainerConfig, module: WagiModule | undefined): void {
  const problem = problemOf(config, environmentOf(config, module), foldersOf(config.mounts, module));
  if (problem !== undefined) throw new CriError("INVALID_ARGUMENT", `Container ${config.metadata.name}: ${problem}`);
}

function problemOf(
  { command, args }: ContainerConfig,
  environment: readonly KeyValue[],
  folders: readonly FolderMount[],
): string | undefined {
  const { mounts, items, variableName, guestPath, textBytes } = CONTAINER_LIMITS;
  const line = [...command, ...args];
  const bad = environment.find(({ key }) => key.length > variableName || !/^[^=\0]+$/.test(key));
  if (bad) return `${JSON.stringify(bad.key.slice(0, 80))} cannot name a variable`;
  const cut = environment.find(({ value }) => value.includes("\0"));
  if (cut) return `the variable ${cut.key} contains a NUL character`;
  if (line.some((argument) => argument.includes("\0"))) return "an argument contains a NUL character";
  if (folders.length > mounts) return `${folders.length} mounts are more than ${mounts}`;
  if (folders.some((folder) => folder.guestPath.length > guestPath))
    return `a mount's path is longer than ${guestPath}`;
  if (line.length > items || environment.length > items) return `it has more than ${items} arguments or variables`;
  const bytes = Buffer.byteLength(JSON.stringify([line, environment]));
  return bytes > textBytes ? `its arguments and variables are larger than ${formatBytes(textBytes)}` : undefined;
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
