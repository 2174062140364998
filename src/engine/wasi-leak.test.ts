// Real guests on real WASI: whatever happens to a run at any of its checks, the next one sees nothing of it. What is compared is
// what the next run prints, byte for byte, with what it prints on a fresh instance; state-leak.test.ts looks at the instance.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { instrument } from "../wasm/index.ts";
import type { Invocation, PreparedModule } from "./guest.ts";
import { DEADLINE_MS, type Disturbance, DISTURBANCES, type World, worldWith } from "./testing/disturbances.ts";
import { invocation } from "./testing/fixture.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Gives its bytes once. */
function input(bytes: string): Invocation["stdin"] {
  let rest = text(bytes);
  return {
    read(maxBytes) {
      const part = rest.subarray(0, maxBytes);
      rest = rest.subarray(part.length);
      return part;
    },
  };
}

/** Arguments of a guest's runs that are disturbed; the runs that are compared get others, shorter ones. */
const GUESTS: readonly { readonly file: string; readonly args?: readonly string[] }[] = [
  { file: "count" },
  { file: "env" },
  { file: "echo" },
  { file: "cat" },
  { file: "fail", args: ["exit", "3"] },
  { file: "fail", args: ["trap"] },
];
/** Checks beyond these are like those before: guests loop. */
const MAX_CHECKS = 40;

function load(file: string): PreparedModule {
  const bytes = readFileSync(path.resolve(import.meta.dirname, `../../guests/test/${file}.wasm`));
  const instrumented = instrument(bytes);
  return { digest: `sha256:${file}`, module: new WebAssembly.Module(instrumented.bytes), layout: instrumented.layout };
}

async function runOnce({ engine, policy, clock }: World, prepared: PreparedModule, changes: Partial<Invocation>) {
  policy.checks = 0;
  const run = invocation({ ...changes, deadlineMs: clock.monotonic() + DEADLINE_MS });
  const { cpuMs: _, ...outcome } = { cpuMs: 0, ...(await engine.load(prepared).run(run)) };
  return { seen: { outcome, stdout: run.stdout.text, stderr: run.stderr.text }, checks: policy.checks };
}

async function disturbAtEachCheck(prepared: PreparedModule, args: readonly string[], world: World, how: Disturbance) {
  const first = (): Partial<Invocation> => ({
    live: how.live,
    args: ["guest", ...args, "and", "more"].map(text),
    env: ["SECRET=of the first run", "PATH_INFO=/first"].map(text),
    stdin: input("what the first client sent"),
  });
  const next = (): Partial<Invocation> => ({
    live: how.live,
    args: [text("guest")],
    env: [text("A=1")],
    stdin: input("x"),
  });
  await using fresh = worldWith("fresh").engine;
  const expected = (await runOnce({ ...world, engine: fresh }, prepared, next())).seen;
  const { checks } = await runOnce(world, prepared, first());
  assert.ok(checks > 0, "the guest has no check");
  for (let k = 1; k <= Math.min(checks, MAX_CHECKS); k++) {
    world.policy.at = k;
    world.policy.happen = () => how.happen(world);
    await runOnce(world, prepared, first());
    world.policy.at = 0;
    assert.deepEqual((await runOnce(world, prepared, next())).seen, expected, `after check ${k}`);
  }
}

for (const { file, args = [] } of GUESTS) {
  for (const strategy of ["copy", "cow", "fresh"] as const) {
    for (const how of DISTURBANCES) {
      const name = [file, ...args].join(" ");
      test(
        `run() by ${strategy} shows nothing of a run of ${name} that was ${how.name}`,
        { timeout: 20_000 },
        async () => {
          const world = worldWith(strategy);
          await using _ = world.engine;
          await disturbAtEachCheck(load(file), args, world, how);
        },
      );
    }
  }
}
