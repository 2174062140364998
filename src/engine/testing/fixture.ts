import { systemClock } from "../../base/index.ts";
import { instrument } from "../../wasm/index.ts";
import { createEngine, type EngineOptions } from "../engine.ts";
import { createEpoch } from "../epoch/epoch.ts";
import type { Account, HostModule, Invocation, PreparedModule } from "../guest.ts";
import wabtInit from "wabt";

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

/** An invocation of `_start` with nothing in it, and what it wrote. */
export function invocation(
  changes: Partial<Invocation> = {},
): Invocation & { readonly stdout: Collected; readonly stderr: Collected } {
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

/** A host module "test": `out` writes a byte of memory range to standard output, `nap` waits for a turn of the loop, and so on. */
export function testModule(
  extra: Partial<Pick<HostModule, "suspending">> & { functions?: HostModule["instantiate"] } = {},
): HostModule {
  return {
    name: "test",
    suspending: extra.suspending ?? new Set(),
    instantiate: extra.functions ?? (() => ({})),
  };
}

export function testEngine(options: Partial<EngineOptions> = {}) {
  const epoch = createEpoch();
  const engine = createEngine({ epoch: epoch.memory, clock: systemClock, ...options });
  return { engine, epoch };
}
