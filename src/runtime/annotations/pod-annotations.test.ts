import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, type PodLimits, resolveLimits } from "./limits.ts";
import { parsePodAnnotations } from "./pod-annotations.ts";

const defaults = resolveLimits();
const modules = '{"web":{"route":"/"}}';
const wagi = (annotations: Record<string, string>) =>
  parsePodAnnotations({ "alpha.wagi.krustlet.dev/modules": modules, ...annotations }, defaults);

test("parsePodAnnotations() leaves a pod without WAGI alone", () => {
  assert.deepEqual(parsePodAnnotations({ "example.com/other": "x" }, defaults), { limits: defaults });
});

test("parsePodAnnotations() gives WAGI's own default address and keeps the pod's", () => {
  assert.equal(wagi({}).wagi?.address, "127.0.0.1:3000");
  assert.equal(wagi({ "alpha.wagi.krustlet.dev/default-host": "[::]:3001" }).wagi?.address, "[::]:3001");
});

test("parsePodAnnotations() reads every limit in its unit and the sandbox to take over", () => {
  const { limits, wagi: read } = wagi({
    "wasipool.dev/request-timeout": "1.5m",
    "wasipool.dev/max-request-body": "1Mi",
    "wasipool.dev/max-response": "2M",
    "wasipool.dev/max-response-headers": "1Ki",
    "wasipool.dev/concurrency": "8",
    "wasipool.dev/queue": "0",
    "wasipool.dev/memory": "64Mi",
    "wasipool.dev/takeover": "abc",
  });

  assert.equal(read?.takeover, "abc");
  assert.deepEqual(limits, {
    timeoutMs: 90_000,
    maxRequestBodyBytes: 1_048_576,
    maxResponseBytes: 2_000_000,
    maxResponseHeaderBytes: 1024,
    concurrency: 8,
    queue: 0,
    memoryBytes: 67_108_864,
  } satisfies PodLimits);
});

test("LIMITS hold the defaults of the documented limits", () => {
  assert.deepEqual(defaults, {
    timeoutMs: 30_000,
    maxRequestBodyBytes: 10_485_760,
    maxResponseBytes: 33_554_432,
    maxResponseHeaderBytes: 65_536,
    concurrency: 64,
    queue: 256,
    memoryBytes: 268_435_456,
  } satisfies PodLimits);
  for (const { default: value, min, max } of Object.values(LIMITS)) assert.ok(min <= value && value <= max);
});

test("resolveLimits() takes settings within the bounds only", () => {
  assert.equal(resolveLimits({ concurrency: 3 }).concurrency, 3);
  assert.throws(
    () => resolveLimits({ concurrency: 0 }),
    /wasipool\.dev\/concurrency: 0 is not a whole number from 1 to 1024/,
  );
});

for (const [name, annotations, message] of [
  [
    "a malformed module list",
    { "alpha.wagi.krustlet.dev/modules": "{" },
    /^Annotation alpha\.wagi\.krustlet\.dev\/modules: .*JSON/,
  ],
  [
    "an address without modules",
    { "alpha.wagi.krustlet.dev/default-host": "0.0.0.0:1" },
    /default-host needs alpha\.wagi/,
  ],
  ["a takeover without modules", { "wasipool.dev/takeover": "x" }, /takeover needs alpha\.wagi/],
  [
    "allowed domains of commands",
    { "alpha.wasi.krustlet.dev/allowed-domains": "[]" },
    /commands cannot make outbound HTTP requests yet/,
  ],
  [
    "request counts of commands",
    { "alpha.wasi.krustlet.dev/max-concurrent-requests": "1" },
    /commands cannot make outbound/,
  ],
  [
    "an unknown annotation of ours",
    { "wasipool.dev/timeout": "1s" },
    /wasipool\.dev\/timeout is unknown; known are wasipool\.dev\/concurrency, /,
  ],
  ["a duration without unit", { "wasipool.dev/request-timeout": "30" }, /request-timeout: Cannot parse duration "30"/],
  [
    "no time at all",
    { "wasipool.dev/request-timeout": "0s" },
    /request-timeout: 0s is not a whole number from 1 to 3600000/,
  ],
  ["more than an hour", { "wasipool.dev/request-timeout": "61m" }, /request-timeout: 61m is not/],
  ["a size that is none", { "wasipool.dev/max-response": "big" }, /max-response: Cannot parse quantity "big"/],
  ["too much memory", { "wasipool.dev/memory": "5Gi" }, /memory: 5Gi is not a whole number from 65536 to 4294967296/],
  ["half a request", { "wasipool.dev/concurrency": "500m" }, /concurrency: 500m is not a whole number/],
  ["a negative queue", { "wasipool.dev/queue": "-1" }, /queue: -1 is not/],
] as const) {
  test(`parsePodAnnotations() refuses ${name}`, () => {
    assert.throws(() => parsePodAnnotations(annotations, defaults), {
      name: "CriError",
      code: "INVALID_ARGUMENT",
      message,
    });
  });
}
