import type { Clock } from "../base/index.ts";
import type { EpochLease } from "./epoch/epoch.ts";
import type { HostModule } from "./guest.ts";
import type { CreateWasiHost } from "./instance/wasi-host.ts";
import type { SlicePolicy } from "./scheduling/slice-policy.ts";
import type { EngineSettings } from "./settings.ts";

/** What every part of one thread's engine works with. */
export interface EngineContext {
  readonly clock: Clock;
  readonly epoch: EpochLease;
  readonly hostModules: ReadonlyMap<string, HostModule>;
  readonly createWasiHost: CreateWasiHost;
  readonly settings: EngineSettings & { readonly slices: SlicePolicy };
}
