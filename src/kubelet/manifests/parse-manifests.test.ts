import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { parse, stringify } from "yaml";
import { parseManifests, type ParseManifestsOptions } from "./parse-manifests.ts";
import { formatProblem } from "./problem.ts";
import { MANIFEST_LIMITS, readDocuments } from "./read-documents.ts";

const ARTICLE = readFileSync(path.resolve(import.meta.dirname, "../../../examples/wasi-example.yaml"), "utf8");

function problemsOf(text: string, options?: ParseManifestsOptions): string[] {
  return parseManifests([{ source: "f.yaml", text }], options).problems.map(
    (problem) => `${problem.severity} ${formatProblem(problem)}`,
  );
}

/** Lines of a pod's spec or of its container. */
function pod({ spec = "", container = "", metadata = "", name = "p" } = {}): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, ${metadata} }
spec:
  ${spec}
  containers: [{ name: c, image: i:v1, ${container} }]
`;
}

function wagi(modules: string, { name = "p", address = "127.0.0.1:3000" } = {}): string {
  const annotations = {
    "alpha.wagi.krustlet.dev/default-host": address,
    "alpha.wagi.krustlet.dev/modules": modules,
  };
  return pod({ name, metadata: `annotations: ${JSON.stringify(annotations)}` });
}

const workload = (kind: string, spec: string, template = "") => `
apiVersion: ${kind === "Job" ? "batch/v1" : "apps/v1"}
kind: ${kind}
metadata: { name: w }
spec:
  ${spec}
  template:
    metadata: { labels: { app: w } }
    spec: { containers: [{ name: c, image: i:v1 }], ${template} }
`;

test("parseManifests() reads the article's manifest with warnings for what a scheduler would read", () => {
  const { objects, problems } = parseManifests([{ source: "wasi-example.yaml", text: ARTICLE }]);

  assert.equal(objects.length, 1);
  assert.deepEqual(
    problems.map(({ severity, path: at }) => `${severity} ${at}`),
    ["warning spec.nodeSelector", "warning spec.tolerations"],
  );
});

test("parseManifests() names kind, name and path of what it refuses", async (t) => {
  const cases: readonly [text: string, problem: RegExp][] = [
    ["just text", /^error f\.yaml: is no Kubernetes object: a map/],
    ["- a", /^error f\.yaml: is no Kubernetes object/],
    ["{}", /^error f\.yaml: kind: is required$/],
    ["kind: Service\napiVersion: v1\nmetadata: {name: s}", /^error f\.yaml: Service s: kind: Service is not supported; supported are Pod, /],
    ["kind: Pod\napiVersion: v2", /^error f\.yaml: Pod: apiVersion: must be v1 for a Pod$/],
    [pod({ spec: "nope: 1" }), /^error f\.yaml: Pod p: spec\.nope: is not a field known here$/],
    [pod({ spec: "hostPID: true" }), /spec\.hostPID: is not supported/],
    [pod({ container: "lifecycle: {preStop: {sleep: {seconds: 1}}}" }), /spec\.containers\[0\]\.lifecycle: is not supported yet/],
    [pod({ container: "tty: true" }), /spec\.containers\[0\]\.tty: is not supported/],
    [pod({ spec: "volumes: [{name: v, persistentVolumeClaim: {claimName: x}}]" }), /spec\.volumes\[0\]\.persistentVolumeClaim: is not a kind of volume supported here/],
    [pod({ spec: "volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]" }), /emptyDir\.sizeLimit: is not supported yet/],
    [pod({ spec: "volumes: [{name: v}]" }), /spec\.volumes\[0\]: must have exactly one source, has none/],
    [pod({ spec: "volumes: [{name: v, secret: {secretName: s, items: [{key: k, path: ../x}]}}]" }), /items\[0\]\.path: must be a relative path/],
    [pod({ spec: "volumes: [{name: v, configMap: {name: s, items: [{key: k, path: ..data}]}}]" }), /items\[0\]\.path: must be a clean relative path/],
    [pod({ container: "volumeMounts: [{name: v, mountPath: /x}]" }), /volumeMounts\[0\]\.name: there is no volume "v"/],
    [pod({ container: "volumeMounts: [{name: v, mountPath: /x, subPath: a/../../b}]" }), /subPath: must be/],
    [pod({ container: "imagePullPolicy: Sometimes" }), /imagePullPolicy: must be one of "Always", "IfNotPresent", "Never"/],
    [pod({ container: "env: [{name: A, value: 1}]" }), /env\[0\]\.value: must be a string, not a number; put it in quotes/],
    [pod({ container: "env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.x}}}]" }), /fieldPath "spec\.x" is not a field that a variable can have/],
    [pod({ container: "resources: {limits: {memory: lots}}" }), /resources\.limits\.memory: must be a quantity/],
    [pod({ container: "resources: {requests: {memory: 2Mi}, limits: {memory: 1Mi}}" }), /requests\.memory: 2Mi must not be more than the limit 1Mi/],
    [pod({ spec: "restartPolicy: Sometimes" }), /spec\.restartPolicy: must be one of "Always", "OnFailure", "Never"/],
    [pod({ spec: "initContainers: [{name: c, image: i:v1}]" }), /spec\.containers\[0\]\.name: "c" is already used at spec\.initContainers\[0\]\.name/],
    [pod({ name: "Big" }), /metadata\.name: must be lower-case/],
    [`${pod()}---${pod()}`, /^error f\.yaml: Pod p: metadata\.name: is already used by a Pod in f\.yaml$/],
    [workload("Deployment", "selector: {matchLabels: {app: other}}"), /template\.metadata\.labels: must match spec\.selector/],
    [workload("Deployment", "selector: {matchLabels: {app: w}}", "restartPolicy: Never"), /restartPolicy: must be Always for a Deployment, not Never/],
    [workload("Job", "completions: 1"), /restartPolicy: must be Never or OnFailure for a Job/],
    [workload("Job", "suspend: true", "restartPolicy: Never"), /Job w: spec\.suspend: is not supported yet/],
    ["a: 1\na: 2", /line 2: key "a" stands there twice/],
    ["a: *b", /line 1: alias \*b has no anchor/],
    ["kind: Pod\napiVersion: v1\nmetadata: &m\n  labels: *m", /stands for something it is part of/],
    ["a: [", /^error f\.yaml: line 1: /],
    ["!!js/function x", /^error f\.yaml: line 1: Unresolved tag/],
  ]; // oxfmt-ignore

  for (const [text, problem] of cases)
    await t.test(String(problem), () => assert.match(problemsOf(text).join("\n"), problem));
});

test("parseManifests() warns of what it ignores and runs the object all the same", async (t) => {
  const cases: readonly [text: string, path: string][] = [
    [pod({ spec: "affinity: {nodeAffinity: {}}" }), "spec.affinity"],
    [pod({ container: "livenessProbe: {httpGet: {path: /, port: 80}}" }), "spec.containers[0].livenessProbe"],
    [pod({ container: "securityContext: {runAsNonRoot: true}" }), "spec.containers[0].securityContext"],
    [pod({ container: "resources: {limits: {cpu: 1}}" }), "spec.containers[0].resources.limits.cpu"],
    [pod({ metadata: "creationTimestamp: null, uid: x" }), "metadata.uid"],
  ];

  for (const [text, at] of cases)
    await t.test(at, () => {
      const { objects, problems } = parseManifests([{ source: "f.yaml", text }]);
      assert.equal(objects.length, 1);
      assert.deepEqual(
        problems.map(({ severity, path: where }) => `${severity} ${where}`),
        [`warning ${at}`],
      );
    });
});

test("parseManifests() takes fields that ask for nothing as not written", () => {
  const text = pod({
    spec: "hostPID: false\n  tolerations: []\n  nodeSelector: {}",
    container: "stdin: false, tty: null",
  });

  assert.deepEqual(problemsOf(text), []);
});

test("parseManifests() checks WAGI annotations against the containers", async (t) => {
  const cases: readonly [modules: string, problem: RegExp][] = [
    ["{", /modules"\]: is not JSON/],
    ["[]", /must be a JSON object/],
    ["{}", /names no module/],
    ['{"d": {"route": "/"}}', /module "d" is no container of the pod; they are c/],
    ['{"c": {}}', /module "c" must have a route that begins with "\/"/],
    ['{"c": {"route": "x"}}', /must have a route that begins with/],
  ];

  for (const [modules, problem] of cases)
    await t.test(modules, () => assert.match(problemsOf(wagi(modules)).join("\n"), problem));
  await t.test("address", () => {
    const found = problemsOf(wagi('{"c": {"route": "/"}}', { address: "localhost" })).join("\n");
    assert.match(found, /default-host"\]: must be IP:port, as in 0\.0\.0\.0:3001, not "localhost"/);
  });
  await t.test("takeover", () => {
    const found = problemsOf(pod({ metadata: 'annotations: {"wasipool.dev/takeover": x}' })).join("\n");
    assert.match(found, /takeover"\]: is set by the kubelet/);
  });
});

test("parseManifests() asks the runtime's check after its own", () => {
  const checkAnnotations = () => {
    throw new Error("limit x is unknown");
  };

  assert.deepEqual(problemsOf(pod(), { checkAnnotations }), [
    "error f.yaml: Pod p: metadata.annotations: limit x is unknown",
  ]);
  assert.equal(problemsOf(wagi("{"), { checkAnnotations }).length, 1);
});

test("parseManifests() lets one pod of a set have an address", async (t) => {
  const modules = '{"c": {"route": "/"}}';
  const replicas = (count: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: w }
spec:
  replicas: ${count}
  selector: { matchLabels: { app: w } }
  template:
    metadata: { labels: { app: w }, annotations: { alpha.wagi.krustlet.dev/modules: '${modules}' } }
    spec: { containers: [{ name: c, image: i:v1 }] }
`;
  const cases: readonly [name: string, text: string, problem: RegExp | undefined][] = [
    ["same address", `${wagi(modules, { name: "a" })}---${wagi(modules, { name: "b" })}`, /Pod b: metadata\.annotations: 127\.0\.0\.1:3000 is already the address of pod a \(f\.yaml\)/],
    ["a wildcard", `${wagi(modules, { name: "a", address: "0.0.0.0:3000" })}---${wagi(modules, { name: "b" })}`, /already the address of pod a/],
    ["another port", `${wagi(modules, { name: "a" })}---${wagi(modules, { name: "b", address: "127.0.0.1:3001" })}`, undefined],
    ["port 0", `${wagi(modules, { name: "a", address: "127.0.0.1:0" })}---${wagi(modules, { name: "b", address: "127.0.0.1:0" })}`, undefined],
    ["one replica", replicas(1), undefined],
    ["two replicas", replicas(2), /Deployment w: spec\.replicas: must be 1: only one pod can listen on 127\.0\.0\.1:3000/],
  ]; // oxfmt-ignore

  for (const [name, text, problem] of cases)
    await t.test(name, () => {
      const found = problemsOf(text);
      if (problem) assert.match(found.join("\n"), problem);
      else assert.deepEqual(found, []);
    });
});

test("parseManifests() with an address writes it into the pods that listen", () => {
  const { objects } = parseManifests(
    [{ source: "f", text: `${wagi('{"c": {"route": "/"}}')}---${pod({ name: "q" })}` }],
    {
      address: "127.0.0.1:8080",
    },
  );

  assert.deepEqual(
    objects.map(({ metadata }) => metadata.annotations["alpha.wagi.krustlet.dev/default-host"]),
    ["127.0.0.1:8080", undefined],
  );
});

test("parseManifests() reads lists, several documents and files", () => {
  const list = { apiVersion: "v1", kind: "List", items: [parse(pod({ name: "a" })), parse(pod({ name: "b" }))] };
  const { objects, problems } = parseManifests([
    { source: "list.json", text: JSON.stringify(list) },
    { source: "two.yaml", text: `${pod({ name: "c" })}---\n# nothing\n---${pod({ name: "d" })}` },
  ]);

  assert.deepEqual(problems, []);
  assert.deepEqual(
    objects.map(({ metadata }) => metadata.name),
    ["a", "b", "c", "d"],
  );
});

test("parseManifests() leaves out what is wrong and keeps the rest of the set", () => {
  const { objects, problems } = parseManifests([
    { source: "f", text: `${pod({ spec: "x: 1" })}---${pod({ name: "good" })}` },
  ]);

  assert.equal(problems.length, 1);
  assert.deepEqual(
    objects.map(({ metadata }) => metadata.name),
    ["good"],
  );
});

test("parseManifests() reads data of ConfigMaps and Secrets as bytes", () => {
  const text = `
{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: { a: text }, binaryData: { b: AAE= } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: s }, data: { a: YWJj, b: YWJj }, stringData: { b: over } }
`;
  const [map, secret] = parseManifests([{ source: "f", text }]).objects;

  assert.ok(map?.kind === "ConfigMap" && secret?.kind === "Secret");
  assert.deepEqual(map.data, { a: new Uint8Array(Buffer.from("text")), b: new Uint8Array([0, 1]) });
  assert.equal(Buffer.from(secret.data["b"] ?? []).toString(), "over");
});

test("readDocuments() reads numbers as kubectl does: 0644 is octal, dates and base 60 are text", () => {
  const [document] = readDocuments("a: 0644\nb: 2026-01-02\nc: 1:30\nd: yes\ne: 1e3");

  assert.deepEqual(document, { value: { a: 0o644, b: "2026-01-02", c: "1:30", d: true, e: 1000 } });
});

test("parseManifests() answers hostile texts with a problem, in bounded time", async (t) => {
  const hostile: Readonly<Record<string, string>> = {
    "nested lists": `${"[".repeat(5000)}${"]".repeat(5000)}`,
    "nested maps": Array.from({ length: 1500 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"),
    "a billion laughs": ["a: &a [1,1,1,1,1,1,1,1,1]", ..."bcdefghi".split("").map((c, i) => `${c}: &${c} [${Array.from({ length: 9 }, () => `*${"abcdefghi"[i]}`).join(",")}]`)].join("\n"),
    "many aliases": `- &a x\n${"- *a\n".repeat(20_000)}`,
    "many documents": "a: 1\n---\n".repeat(MANIFEST_LIMITS.maxDocuments + 1),
    "a long text": "#".repeat(MANIFEST_LIMITS.maxTextLength + 1),
    "a prototype": '{"kind": "Pod", "apiVersion": "v1", "__proto__": {"x": 1}, "constructor": 1}',
    "NUL bytes": "\0\0",
  }; // oxfmt-ignore

  for (const [name, text] of Object.entries(hostile))
    await t.test(name, { timeout: 10_000 }, () => assert.notDeepEqual(problemsOf(text), []));
});

test("parseManifests() answers any JSON value and any text with objects and problems, never an exception", () => {
  const values = fc.oneof(fc.jsonValue({ maxDepth: 6 }), fc.object({ maxDepth: 4, withBoxedValues: false }));
  const check = (text: string) => {
    const { problems } = parseManifests([{ source: "f", text }]);
    for (const problem of problems) assert.notEqual(problem.message, "");
  };

  fc.assert(
    fc.property(values, (value) => check(JSON.stringify(value) ?? "")),
    { numRuns: 300 },
  );
  fc.assert(fc.property(fc.string({ maxLength: 300, unit: "binary" }), check), { numRuns: 300 });
  fc.assert(
    fc.property(fc.array(fc.constantFrom(..."-:{}[]&*a!|> \n'\"#?,%@".split("")), { maxLength: 200 }), (parts) =>
      check(parts.join("")),
    ),
    { numRuns: 300 },
  );
});

test("parseManifests() answers mutated manifests with objects and problems, never an exception", () => {
  const base = parse(ARTICLE) as object;
  const paths = pathsOf(base);
  const mutation = fc.record({ at: fc.constantFrom(...paths), value: fc.jsonValue({ maxDepth: 3 }) });

  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const mutated = structuredClone(base);
      for (const { at, value } of mutations) replaceAt(mutated, at, value);
      const { objects, problems } = parseManifests([{ source: "f", text: stringify(mutated) }]);
      assert.ok(objects.length > 0 || problems.some(({ severity }) => severity === "error"));
    }),
    { numRuns: 300 },
  );
});

type Path = readonly (string | number)[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return at.length > 0 ? [at] : [];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    pathsOf(item, [...at, Array.isArray(value) ? Number(key) : key]),
  );
  return at.length > 0 ? [at, ...inner] : inner;
}

function replaceAt(root: object, at: Path, value: unknown): void {
  let parent = root as Record<string | number, unknown>;
  for (const key of at.slice(0, -1)) {
    const next = parent[key];
    if (typeof next !== "object" || next === null) return;
    parent = next as Record<string | number, unknown>;
  }
  parent[at.at(-1)!] = value;
}
