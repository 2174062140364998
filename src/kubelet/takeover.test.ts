import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { CriError } from "../cri/index.ts";
import { createWorld, podsOf, type World } from "./testing/world.ts";

const ADDRESS = "127.0.0.1:3001";
const BAD_IMAGE = "registry.test/hello:bad";

function version(number: number, isBad: boolean) {
  const image = isBad ? BAD_IMAGE : `registry.test/hello:v${number}`;
  const text = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    alpha.wagi.krustlet.dev/default-host: "${ADDRESS}"
    alpha.wagi.krustlet.dev/modules: '{"hello": {"route": "/hello"}, "other": {"route": "/other"}}'
spec:
  containers: [{ name: hello, image: "${image}" }, { name: other, image: "registry.test/other:v1" }]
`;
  return podsOf(text, `uid-${number}`);
}

type Step =
  | { readonly kind: "apply"; readonly isBad: boolean }
  | { readonly kind: "crash"; readonly container: "hello" | "other" }
  | { readonly kind: "turns"; readonly count: number }
  | { readonly kind: "time"; readonly ms: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("apply"), isBad: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash"), container: fc.constantFrom("hello", "other") }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("turns"), count: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("time"), ms: fc.constantFrom(500, 1000, 10_000) }) },
);

test("sync() with takeover: whatever comes in between, somebody listens, and in the end the last version alone", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 25 }), fc.nat(6), async (steps, latencyTurns) => {
      await using world = await createWorld();
      world.runtime.latencyTurns = latencyTurns;
      world.runtime.fail("pullImage", BAD_IMAGE, new CriError("NOT_FOUND", "no such image"));
      world.sync(version(0, false));
      await world.until(() => world.status("web") === "Running");

      let last = 0;
      for (const each of steps) {
        if (each.kind === "apply") world.sync(version(++last, each.isBad), { takeover: true });
        else await take(world, each);
        assert.ok(world.runtime.listeners.has(ADDRESS), "somebody listens");
      }

      world.sync(version(++last, false), { takeover: true });
      await world.until(async () => {
        assert.ok(world.runtime.listeners.has(ADDRESS), "somebody listens");
        // Back-off of containers that crashed goes by.
        await world.clock.advance(1000);
        return world.kubelet.pods().length === 1 && world.status("web") === "Running";
      });
      assert.equal(world.report("web").pod.metadata.uid, `uid-${last}`);
      assert.equal(world.runtime.listeners.get(ADDRESS), world.report("web").sandboxId);
    }),
    { numRuns: 60 },
  );
});

async function take(world: World, step: Exclude<Step, { kind: "apply" }>): Promise<void> {
  switch (step.kind) {
    case "crash":
      world.runtime.crash(step.container);
      return;
    case "turns":
      for (let turn = 0; turn < step.count; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
      return;
    case "time":
      await world.clock.advance(step.ms);
  }
}
