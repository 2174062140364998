import assert from "node:assert/strict";
import { test } from "node:test";
import { planReplacement, type PodVersion } from "./replacement.ts";

function version(uid: string, fields: Partial<PodVersion> = {}): PodVersion {
  return {
    uid,
    isWanted: false,
    mayTakeOver: true,
    address: "127.0.0.1:3001",
    isStarted: true,
    isEnding: false,
    isIdle: true,
    listener: "held",
    hasSandbox: true,
    ...fields,
  };
}

const WANTED = { isWanted: true } as const;
const NEW = { isWanted: true, isStarted: false, listener: "none", hasSandbox: false } as const;

const CASES: Readonly<Record<string, { readonly versions: readonly PodVersion[]; readonly steps: readonly string[] }>> = {
  "a pod that is new": { versions: [version("a", NEW)], steps: ["start a"] },
  "a pod that runs": { versions: [version("a", WANTED)], steps: [] },
  "a pod that is not wanted any more": { versions: [version("a")], steps: ["end a"] },
  "one that ends already": { versions: [version("a", { isEnding: true })], steps: [] },
  "without takeover: the old one ends": {
    versions: [version("a"), version("b", { ...NEW, mayTakeOver: false })],
    steps: ["end a"],
  },
  "without takeover: the new one waits": {
    versions: [version("a", { isEnding: true }), version("b", { ...NEW, mayTakeOver: false })],
    steps: [],
  },
  "no HTTP: the old one ends": {
    versions: [version("a", { address: undefined, listener: "none" }), version("b", { ...NEW, address: undefined })],
    steps: ["end a"],
  },
  "another address: the old one ends": {
    versions: [version("a"), version("b", { ...NEW, address: "127.0.0.1:3002" })],
    steps: ["end a"],
  },
  "an old one that never came up ends": {
    versions: [version("a", { listener: "none", hasSandbox: false }), version("b", NEW)],
    steps: ["end a"],
  },
  "takeover: the new one starts beside": { versions: [version("a"), version("b", NEW)], steps: ["resume a", "start b beside a"] },
  "takeover: the new one is coming up": {
    versions: [version("a"), version("b", { ...WANTED, listener: "awaited" })],
    steps: ["resume a"],
  },
  "takeover: the new one serves": { versions: [version("a"), version("b", WANTED)], steps: ["end a"] },
  "takeover: the old one ends": { versions: [version("a", { isEnding: true, listener: "none" }), version("b", WANTED)], steps: [] },
  "a third while the second is busy: nobody begins anything": {
    versions: [version("a"), version("b", { listener: "awaited", isIdle: false }), version("c", NEW)],
    steps: ["freeze b"],
  },
  "a third, the second did not come up": {
    versions: [version("a"), version("b", { listener: "awaited" }), version("c", NEW)],
    steps: ["end b", "resume a", "start c beside a"],
  },
  "a third, the second serves by now": {
    versions: [version("a"), version("b"), version("c", NEW)],
    steps: ["end a", "resume b", "start c beside b"],
  },
}; // oxfmt-ignore

test("planReplacement() answers who starts, who stays and who ends", async (t) => {
  for (const [name, { versions, steps }] of Object.entries(CASES))
    await t.test(name, () => {
      const found = planReplacement(versions).map((step) =>
        step.kind === "start" && step.besideUid !== undefined
          ? `start ${step.uid} beside ${step.besideUid}`
          : `${step.kind} ${step.uid}`,
      );
      assert.deepEqual(found, steps);
    });
});
