// Mutated modules that are still valid, run as guests: whatever their code does now, they end, and the engine serves the next.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { systemClock } from "../../src/base/index.ts";
import {
  createEngine,
  createEpoch,
  type Engine,
  type Outcome,
  startTicker,
  UnusableModuleError,
} from "../../src/engine/index.ts";
import { SinkFull } from "../../src/wasi/index.ts";
import { instrument, type StateLayout } from "../../src/wasm/index.ts";
import { answersOrRefuses, mutations, seedModules } from "./mutation.ts";

const HELLO = path.resolve(import.meta.dirname, "../../guests/demo/hello.wasm");
const HELLO_OUTPUT = "content-type:text/plain\n\nhello world\n";
const DEADLINE_MS = 20;
/** Beyond the deadline: for a run to end, on a busy machine. */
const GRACE_MS = 2000;
const MAX_OUTPUT_BYTES = 1024 * 1024;
const MAX_SEED_BYTES = 60_000;
const LIMITS = { memoryBytes: 32 * 1024 * 1024, concurrency: 4, queue: 4 };

interface Instrumented {
  readonly bytes: Uint8Array;
  readonly layout: StateLayout;
}

/** Runs what is left valid of `numRuns` mutated modules; answers how many guests were run. */
export async function runMutatedGuests(numRuns: number): Promise<number> {
  const { memory } = createEpoch();
  await using _ticker = startTicker(memory);
  await using engine = createEngine({ epoch: memory, clock: systemClock });
  const seeds = seedModules().filter(({ length }) => length < MAX_SEED_BYTES);
  const hello = instrument(readFileSync(HELLO));
  let guests = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...seeds), mutations, async (seed, mutate) => {
      const bytes = mutate(seed);
      const instrumented = answersOrRefuses(() => instrument(bytes));
      if (!instrumented) return;
      const start = performance.now();

      const outcome = await runOnce(engine, instrumented, `sha256:${guests}`);

      if (!outcome) return;
      guests++;
      assert.ok(performance.now() - start < DEADLINE_MS + GRACE_MS, `${outcome.kind} late`);
      if (guests % 20 === 0) await checkHello(engine, hello);
    }),
    { numRuns },
  );
  await checkHello(engine, hello);
  assert.equal(engine.counts().runs, 0);
  return guests;
}

/** Undefined when the module imports what is not there. */
async function runOnce(engine: Engine, { bytes, layout }: Instrumented, digest: string): Promise<Outcome | undefined> {
  try {
    const guest = engine.load({ digest, module: new WebAssembly.Module(bytes), layout }, LIMITS);
    const outcome = await guest.run(invocation({ write: limited() }));
    await guest.close();
    return outcome;
  } catch (error) {
    if (error instanceof UnusableModuleError) return undefined;
    throw error;
  }
}

async function checkHello(engine: Engine, { bytes, layout }: Instrumented): Promise<void> {
  const guest = engine.load({ digest: "sha256:hello", module: new WebAssembly.Module(bytes), layout }, LIMITS);
  const output: Buffer[] = [];
  const outcome = await guest.run(invocation({ write: (text) => void output.push(Buffer.from(text)) }, Infinity));
  await guest.close();
  assert.equal(outcome.kind, "exited");
  assert.equal(Buffer.concat(output).toString(), HELLO_OUTPUT);
}

function invocation(stdout: { readonly write: (bytes: Uint8Array) => void }, deadlineMs = DEADLINE_MS) {
  return {
    entrypoint: "_start",
    args: [Buffer.from("mutated")],
    env: [],
    stdin: { read: () => new Uint8Array(0) },
    stdout,
    stderr: { write: limited() },
    preopens: [],
    account: { id: "mutated", weight: 100, cpuMs: 0 },
    deadlineMs: systemClock.monotonic() + deadlineMs,
  };
}

function limited(): (bytes: Uint8Array) => void {
  let left = MAX_OUTPUT_BYTES;
  return ({ length }) => {
    left -= length;
    if (left < 0) throw new SinkFull(MAX_OUTPUT_BYTES);
  };
}
