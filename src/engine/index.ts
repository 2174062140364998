export { type CommandExit, type CommandOptions, type CommandProcess, runCommand } from "./command.ts";
export { createEngine, type Engine, type EngineOptions } from "./engine.ts";
export { createEpoch } from "./epoch/epoch.ts";
export { startTicker, type Ticker } from "./epoch/ticker.ts";
export {
  type Account,
  DEFAULT_GUEST_LIMITS,
  type Guest,
  type GuestLimits,
  type HostFunction,
  type HostInstance,
  type HostModule,
  type Invocation,
  type Outcome,
  type PreparedModule,
} from "./guest.ts";
export { UnusableModuleError } from "./instance/unusable-module-error.ts";
export type { EngineSettings } from "./settings.ts";
export { GUEST_MEMORY_FLAGS, GUEST_STACK_FLAGS } from "./node-flags.ts";
