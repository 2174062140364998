import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret } from "../api/index.ts";
import { configObjects } from "../config-objects.ts";
import { podsOf } from "../testing/world.ts";
import { pullCredentials } from "./pull-secrets.ts";

const [POD] = podsOf(`
apiVersion: v1
kind: Pod
metadata: { name: p }
spec:
  imagePullSecrets: [{ name: creds }]
  containers: [{ name: c, image: i:v1 }]
`);

function credentialsFor(image: string, config: unknown, type = "kubernetes.io/dockerconfigjson") {
  const key = type.endsWith("json") ? ".dockerconfigjson" : ".dockercfg";
  const text = typeof config === "string" ? config : JSON.stringify(config);
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "creds", namespace: "default", labels: {}, annotations: {} },
    type,
    data: { [key]: new TextEncoder().encode(text) },
    immutable: false,
  };
  return pullCredentials(POD!, image, configObjects([], [secret]));
}

test("pullCredentials() finds the entries that cover an image, the narrowest first", async (t) => {
  const user = (username: string) => ({ username });
  const cases: readonly [name: string, image: string, locations: readonly string[], found: readonly string[]][] = [
    ["host", "r.test/a/b:v1", ["r.test", "other.test"], ["r.test"]],
    ["host with port", "r.test:5000/a", ["r.test:5000", "r.test"], ["r.test:5000"]],
    ["path", "r.test/a/b@sha256:00", ["r.test/a", "r.test", "r.test/c"], ["r.test/a", "r.test"]],
    ["whole path with tag", "r.test/a/b:v1", ["r.test/a/b"], ["r.test/a/b"]],
    ["no part of a name", "r.test/abc", ["r.test/a"], []],
    ["no host that only ends so", "evil-r.test/a", ["r.test"], []],
    ["no host that only begins so", "r.test.evil.test/a", ["r.test"], []],
    ["wildcard of one label", "x.r.test/a", ["*.r.test"], ["*.r.test"]],
    ["wildcard not of two labels", "x.y.r.test/a", ["*.r.test"], []],
    ["URL", "r.test/a", ["https://r.test/v1/"], ["https://r.test/v1/"]],
    ["Docker Hub", "nginx", ["https://index.docker.io/v1/"], ["https://index.docker.io/v1/"]],
    ["Docker Hub by its short name", "library/nginx:1", ["docker.io"], ["docker.io"]],
    ["localhost", "localhost/a", ["localhost"], ["localhost"]],
  ];

  for (const [name, image, locations, found] of cases)
    await t.test(name, () => {
      const auths = Object.fromEntries(locations.map((location) => [location, user(location)]));
      const { credentials, unusable } = credentialsFor(image, { auths });
      assert.deepEqual(
        credentials.map(({ username }) => username),
        found,
      );
      assert.deepEqual(unusable, []);
    });
});

test("pullCredentials() reads tokens, auth and the old format", () => {
  const { credentials } = credentialsFor("r.test/a", {
    auths: { "r.test": { auth: "dXNlcjpwYXNz", identitytoken: "t", email: "x", password: "" } },
  });
  assert.deepEqual(credentials, [{ auth: "dXNlcjpwYXNz", identityToken: "t" }]);

  const old = credentialsFor("r.test/a", { "r.test": { username: "u", password: "p" } }, "kubernetes.io/dockercfg");
  assert.deepEqual(old.credentials, [{ username: "u", password: "p" }]);
});

test("pullCredentials() names secrets that cannot be used and nothing of what they hold", async (t) => {
  const cases: readonly [config: unknown, type?: string][] = [
    ["{not json"],
    [[]],
    [{}],
    [{ auths: 1 }],
    [{ auths: {} }, "Opaque"],
  ];

  for (const [config, type] of cases)
    await t.test(JSON.stringify(config), () => {
      const { credentials, unusable } = credentialsFor("r.test/a", config, type);
      assert.deepEqual(credentials, []);
      assert.deepEqual(unusable, ["creds"]);
    });
  assert.deepEqual(pullCredentials(POD!, "r.test/a", configObjects([], [])).unusable, ["creds"]);
});
