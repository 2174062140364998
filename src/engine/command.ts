import type { Clock } from "../base/index.ts";
import type { WasiProcess } from "./instance/wasi-host.ts";
import { createEngine } from "./engine.ts";
import type { EngineContext } from "./engine-context.ts";
import { EpochLease } from "./epoch/epoch.ts";
import type { GuestLimits, HostModule, Invocation, Outcome, PreparedModule } from "./guest.ts";
import { GuestInstance } from "./instance/guest-instance.ts";
import { Image } from "./instance/image.ts";
import { type CreateWasiHost, wasiHosts, type WasiLimits } from "./instance/wasi-host.ts";
import { CommandRun } from "./lanes/command-run.ts";
import { outcomeOf } from "./lanes/outcome.ts";
import { maxPagesOf } from "./instance/page-limit.ts";
import { TIMED_SLICES } from "./scheduling/slice-policy.ts";
import { DEFAULT_ENGINE_SETTINGS } from "./settings.ts";

/** What a command is run with: its process, and when it must have ended. */
export interface CommandProcess extends WasiProcess {
  /** On the clock's monotonic time. @default none */
  readonly deadlineMs?: number;
  /** What host modules beside WASI need to know of this run, keyed by their module name. */
  readonly host?: Readonly<Record<string, unknown>>;
}

export interface CommandOptions {
  /** Memory of `createEpoch`. */
  readonly epoch: WebAssembly.Memory;
  readonly clock: Clock;
  readonly hostModules?: readonly HostModule[];
  /** Differences from `DEFAULT_WASI_LIMITS`. */
  readonly wasiLimits?: Partial<WasiLimits>;
  /** For tests: WASI. */
  readonly testing?: { readonly wasi?: CreateWasiHost };
}

/** How a command ended, as a container's status has it. */
export interface CommandExit {
  /** The guest's own, 134 after a trap, 137 when it was stopped or ran out of memory. */
  readonly exitCode: number;
  readonly reason: "Completed" | "Error" | "OOMKilled";
  /** The trap, or why it was stopped; empty for an ordinary exit. */
  readonly message: string;
  /** Processor time of the thread, in steps of the kernel's (4 ms). */
  readonly cpuMs: number;
}

/** As after SIGABRT: what a trap of a Linux process ends in. */
const TRAP_EXIT_CODE = 134;
/** As after SIGKILL. */
const KILLED_EXIT_CODE = 137;

/**
 * Runs `_start` of a command in a worker thread of its own, which it blocks while it runs and waits; ending the worker ends the
 * command. A module with host functions that answer with promises runs suspendably instead, and leaves the thread while it waits.
 * Throws `UnusableModuleError` when the module cannot run here.
 */
export async function runCommand(
  prepared: PreparedModule,
  limits: GuestLimits,
  process: CommandProcess,
  options: CommandOptions,
): Promise<CommandExit> {
  const context = contextOf(options);
  const image = new Image(prepared, context.hostModules);
  const outcome = image.mayWait
    ? await runSuspendably(prepared, limits, invocationOf(process), options)
    : runBlocking(image, maxPagesOf(prepared.layout, limits), invocationOf(process), context);
  return exitOf(outcome);
}

function runBlocking(image: Image, maxPages: number, invocation: Invocation, context: EngineContext): Outcome {
  image.requireEntrypoint(invocation.entrypoint);
  const instance = new GuestInstance(image, "blocking", "fresh", context);
  const run = new CommandRun(invocation, instance, context);
  instance.begin(run, invocation, maxPages);
  const ending = run.run();
  const { wasRefusedMemory } = instance.controls;
  instance.end();
  return outcomeOf(ending, { cpuMs: threadCpuMs(), wasRefusedMemory });
}

async function runSuspendably(
  prepared: PreparedModule,
  limits: GuestLimits,
  invocation: Invocation,
  options: CommandOptions,
): Promise<Outcome> {
  await using engine = createEngine(options);
  return await engine.load(prepared, limits).run(invocation);
}

function contextOf({ epoch, clock, hostModules = [], wasiLimits, testing }: CommandOptions): EngineContext {
  return {
    clock,
    epoch: new EpochLease(epoch),
    hostModules: new Map(hostModules.map((each) => [each.name, each])),
    createWasiHost: testing?.wasi ?? wasiHosts(wasiLimits),
    settings: { ...DEFAULT_ENGINE_SETTINGS, slices: TIMED_SLICES },
  };
}

function invocationOf({ deadlineMs = Infinity, ...process }: CommandProcess): Invocation {
  return {
    ...process,
    entrypoint: "_start",
    account: { id: "command", weight: 100, cpuMs: 0 },
    deadlineMs,
    live: true,
  };
}

function threadCpuMs(): number {
  const { user, system } = globalThis.process.threadCpuUsage();
  return (user + system) / 1000;
}

function exitOf(outcome: Outcome): CommandExit {
  switch (outcome.kind) {
    case "exited":
      if (outcome.outOfMemory) return outOfMemory(outcome.cpuMs);
      return {
        exitCode: outcome.code,
        reason: outcome.code === 0 ? "Completed" : "Error",
        message: "",
        cpuMs: outcome.cpuMs,
      };
    case "trapped":
      if (outcome.outOfMemory) return outOfMemory(outcome.cpuMs);
      return failed(TRAP_EXIT_CODE, outcome.message, outcome.cpuMs);
    case "stopped":
      return failed(KILLED_EXIT_CODE, `stopped: ${outcome.reason}`, outcome.cpuMs);
    case "busy":
    case "unusable":
      return failed(KILLED_EXIT_CODE, outcome.kind === "busy" ? "no room for the module's memory" : outcome.message, 0);
  }
}

function outOfMemory(cpuMs: number): CommandExit {
  const message = "the module was refused memory beyond its limit";
  return { exitCode: KILLED_EXIT_CODE, reason: "OOMKilled", message, cpuMs };
}

function failed(exitCode: number, message: string, cpuMs: number): CommandExit {
  return { exitCode, reason: "Error", message, cpuMs };
}
