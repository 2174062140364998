// What the tests of this module share: modules written as text, invocations, a host module.
import wabtInit from "wabt";
import { systemClock } from "../../base/index.ts";
import { ProcExit } from "../instance/wasi-host.ts";
import { instrument } from "../../wasm/index.ts";
import { createEngine, type Engine, type EngineOptions } from "../engine.ts";
import { createEpoch } from "../epoch/epoch.ts";
import type { Account, HostModule, Invocation, PreparedModule } from "../guest.ts";

const wabt = await wabtInit();
const FEATURES = { exceptions: true, threads: true, bulk_memory: true, mutable_globals: true, reference_types: true };
let digests = 0;

/** Bytes of a module written as text. */
export function wat(source: string): Uint8Array {
  return wabt.parseWat("test.wat", source, FEATURES).toBinary({}).buffer;
}

/** A module written as text, instrumented and compiled, under a digest of its own. */
export function prepare(source: string): PreparedModule {
  const { bytes, layout } = instrument(wat(source));
  return { digest: `sha256:${++digests}`, module: new WebAssembly.Module(bytes), layout };
}

export function account(id = "a", weight = 100): Account {
  return { id, weight, cpuMs: 0 };
}

/** Collects what a guest writes. */
export class Collected {
  readonly chunks: Buffer[] = [];

  write(bytes: Uint8Array): void {
    this.chunks.push(Buffer.from(bytes));
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

export type TestInvocation = Invocation & { readonly stdout: Collected; readonly stderr: Collected };

/** An invocation of `_start` with nothing in it, and what it wrote. */
export function invocation(changes: Partial<Invocation> = {}): TestInvocation {
  return {
    entrypoint: "_start",
    args: [],
    env: [],
    stdin: { read: () => new Uint8Array(0) },
    preopens: [],
    account: account(),
    deadlineMs: Infinity,
    ...changes,
    stdout: new Collected(),
    stderr: new Collected(),
  };
}

/**
 * The host module "test": `exit(code)` leaves the guest as `proc_exit` does, `nested(n)` calls the guest's export "inner" with n.
 * The module "test-wait" has `nap()`, which waits for a turn of the loop.
 */
export const testModules: readonly HostModule[] = [
  {
    name: "test",
    suspending: new Set(),
    instantiate: (instance) => ({
      exit: (code) => {
        const exit = new ProcExit();
        exit.code = code;
        throw exit;
      },
      nested: (n) => Number(instance.call("inner", n)),
    }),
  },
  {
    name: "test-wait",
    suspending: new Set(["nap"]),
    instantiate: () => ({ nap: () => new Promise((resolve) => void setImmediate(() => resolve(0))) }),
  },
];

/** An engine with an epoch that stands still unless a ticker is started on it. */
export function testEngine(options: Partial<EngineOptions> = {}): Engine {
  return createEngine({
    epoch: createEpoch().memory,
    clock: systemClock,
    hostModules: testModules,
    ...options,
  });
}
