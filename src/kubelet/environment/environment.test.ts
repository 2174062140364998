import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { configObjects } from "../config-objects.ts";
import { parseManifests } from "../manifests/parse-manifests.ts";
import { podsOf } from "../testing/world.ts";
import { expandVariables } from "./expand-variables.ts";
import { makeEnvironment } from "./make-environment.ts";

const PLACEMENT = { nodeName: "node-1", hostIP: "192.0.2.1", podIP: "10.0.0.1", cpus: 4, memoryBytes: 1024 ** 3 };
const OBJECTS = `
{ apiVersion: v1, kind: ConfigMap, metadata: { name: m }, data: { a: from-map, shared: map, "=bad": x } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: s }, stringData: { key: from-secret, shared: secret } }
`;

function environmentOf(container: string, objects = OBJECTS.replace(', "=bad": x', "")) {
  const text = `
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: default, labels: { app: web }, annotations: { note: hi } }
spec: { containers: [{ name: c, image: i:v1, ${container} }] }
`;
  const [pod] = podsOf(text);
  const found = parseManifests([{ source: "objects", text: objects }]).objects;
  const context = {
    pod: pod!,
    placement: PLACEMENT,
    objects: configObjects(
      found.filter((object) => object.kind === "ConfigMap"),
      found.filter((object) => object.kind === "Secret"),
    ),
  };
  return Object.fromEntries(makeEnvironment(pod!.spec.containers[0]!, context).variables);
}

test("expandVariables() replaces $(NAME) as Kubernetes does", async (t) => {
  const variables = new Map([
    ["A", "1"],
    ["EMPTY", ""],
    ["NESTED", "$(A)"],
  ]);
  const cases: readonly [text: string, expanded: string][] = [
    ["$(A)", "1"],
    ["x$(A)y$(A)", "x1y1"],
    ["$(EMPTY)", ""],
    ["$(UNKNOWN)", "$(UNKNOWN)"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$$$$(A)", "$$(A)"],
    ["$A ${A}", "$A ${A}"],
    ["$(A", "$(A"],
    ["$", "$"],
    ["$(NESTED)", "$(A)"],
    ["$()", "$()"],
  ];

  for (const [text, expanded] of cases)
    await t.test(text, () => assert.equal(expandVariables(text, variables), expanded));
});

test("expandVariables() leaves text without a dollar alone", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll("$", "");
      assert.equal(expandVariables(plain, new Map([["A", "1"]])), plain);
    }),
  );
});

test("makeEnvironment() takes envFrom in order, then env, which may use what was set before", () => {
  const variables = environmentOf(`
    envFrom: [{ configMapRef: { name: m } }, { prefix: S_, secretRef: { name: s } }, { secretRef: { name: s } }],
    env: [
      { name: B, value: "$(a) and $(LATER)" },
      { name: LATER, value: x },
      { name: shared, value: "env over $(shared)" },
    ]`);

  assert.deepEqual(variables, {
    a: "from-map",
    shared: "env over secret",
    S_key: "from-secret",
    S_shared: "secret",
    key: "from-secret",
    B: "from-map and $(LATER)",
    LATER: "x",
  });
});

test("makeEnvironment() reads fields, resources and keys", async (t) => {
  const cases: readonly [source: string, value: string][] = [
    ["configMapKeyRef: { name: m, key: a }", "from-map"],
    ["secretKeyRef: { name: s, key: key }", "from-secret"],
    ["fieldRef: { fieldPath: metadata.name }", "p"],
    ["fieldRef: { fieldPath: metadata.namespace }", "default"],
    ["fieldRef: { fieldPath: metadata.uid }", "uid-1"],
    [`fieldRef: { fieldPath: "metadata.labels['app']" }`, "web"],
    [`fieldRef: { fieldPath: "metadata.annotations['note']" }`, "hi"],
    [`fieldRef: { fieldPath: "metadata.labels['none']" }`, ""],
    ["fieldRef: { fieldPath: spec.nodeName }", "node-1"],
    ["fieldRef: { fieldPath: spec.serviceAccountName }", "default"],
    ["fieldRef: { fieldPath: status.hostIP }", "192.0.2.1"],
    ["fieldRef: { fieldPath: status.podIP }", "10.0.0.1"],
    ["resourceFieldRef: { resource: limits.memory, divisor: 1Mi }", "64"],
    ["resourceFieldRef: { resource: limits.memory }", "67108864"],
    ["resourceFieldRef: { resource: requests.cpu, divisor: 1m }", "300"],
    ["resourceFieldRef: { resource: requests.cpu }", "1"],
    ["resourceFieldRef: { resource: limits.cpu }", "4"],
  ];
  const resources = "resources: { limits: { memory: 64Mi }, requests: { cpu: 300m } }";

  for (const [source, value] of cases)
    await t.test(source, () => {
      const variables = environmentOf(`${resources}, env: [{ name: X, valueFrom: { ${source} } }]`);
      assert.equal(variables["X"], value);
    });
});

test("makeEnvironment() says in Kubernetes' words what is missing, unless it is optional", async (t) => {
  const cases: readonly [container: string, message: string | undefined][] = [
    ["envFrom: [{ configMapRef: { name: none } }]", 'configmap "none" not found'],
    ["envFrom: [{ secretRef: { name: none } }]", 'secret "none" not found'],
    ["envFrom: [{ secretRef: { name: none, optional: true } }]", undefined],
    ["env: [{ name: X, valueFrom: { configMapKeyRef: { name: none, key: a } } }]", 'configmap "none" not found'],
    [
      "env: [{ name: X, valueFrom: { configMapKeyRef: { name: m, key: nokey } } }]",
      "couldn't find key nokey in ConfigMap default/m",
    ],
    ["env: [{ name: X, valueFrom: { secretKeyRef: { name: s, key: nokey } } }]", "couldn't find key nokey in Secret default/s"],
    ["env: [{ name: X, valueFrom: { secretKeyRef: { name: s, key: nokey, optional: true } } }]", undefined],
    ["env: [{ name: X, valueFrom: { secretKeyRef: { name: none, key: nokey, optional: true } } }]", undefined],
    ["env: [{ name: X, valueFrom: { secretKeyRef: { name: s, key: constructor } } }]", "couldn't find key constructor in Secret default/s"],
  ]; // oxfmt-ignore

  for (const [container, message] of cases)
    await t.test(container, () => {
      if (message === undefined) assert.deepEqual(environmentOf(container), {});
      else assert.throws(() => environmentOf(container), { name: "ContainerConfigError", message });
    });
});
