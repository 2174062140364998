import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Clock, FakeClock, systemClock } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import { failing } from "../testing/failing.ts";
import { tempFolder } from "../testing/fixture.ts";
import type { Credential } from "./credential.ts";
import { HELPER_TIMEOUT_MS, spawnedHelper } from "./credential-helper.ts";
import { bestKey, dockerConfigCredentials, MAX_DOCKER_CONFIG_BYTES, parseDockerConfig } from "./docker-config.ts";

const AUTH = Buffer.from("ada:s3:cret").toString("base64");
const ADA: Credential = { kind: "basic", username: "ada", password: "s3:cret" };
const asked: string[] = [];
const helper = {
  get(program: string, server: string): Promise<Credential> {
    asked.push(`${program} ${server}`);
    return Promise.resolve({ kind: "identity-token", token: program });
  },
};

function find(config: unknown, registry: string, repository = "team/app") {
  return dockerConfigCredentials(parseDockerConfig(JSON.stringify(config), "a test"), helper).find(
    registry,
    repository,
  );
}

test("dockerConfigCredentials() reads every form of an entry", async () => {
  const forms: readonly (readonly [object, Credential | undefined])[] = [
    [{ auth: AUTH }, ADA],
    [{ username: "ada", password: "s3:cret" }, ADA],
    [
      { auth: AUTH, identitytoken: "t" },
      { kind: "identity-token", token: "t" },
    ],
    [{ registrytoken: "t" }, { kind: "registry-token", token: "t" }],
    [{}, undefined],
    [{ auth: null, email: "x" }, undefined],
  ];
  for (const [entry, expected] of forms) assert.deepEqual(await find({ auths: { "h.x": entry } }, "h.x"), expected);
});

test("dockerConfigCredentials() reads the older form without auths", async () => {
  assert.deepEqual(await find({ "https://h.x/v1/": { auth: AUTH } }, "h.x"), ADA);
});

test("dockerConfigCredentials() asks the registry's helper, else the entry, else the default helper", async () => {
  const config = {
    auths: { "h.x": { auth: AUTH }, "helped.x": { auth: AUTH }, "docker.io": {} },
    credHelpers: { "helped.x": "one", "https://index.docker.io/v1/": "hub" },
    credsStore: "all",
  };
  asked.length = 0;

  assert.deepEqual(await find(config, "h.x"), ADA);
  await find(config, "helped.x");
  await find(config, "docker.io");
  await find(config, "other.x");

  assert.deepEqual(asked, ["one helped.x", "hub https://index.docker.io/v1/", "all other.x"]);
});

const KEYS: readonly (readonly [readonly string[], string, string, string | undefined])[] = [
  [["h.x"], "h.x", "a", "h.x"],
  [["https://h.x", "http://h.x/v2/"], "h.x", "a", "https://h.x"],
  [["https://index.docker.io/v1/"], "docker.io", "library/a", "https://index.docker.io/v1/"],
  [["h.x:5000"], "h.x", "a", undefined],
  [["h.x/team", "h.x"], "h.x", "team/a", "h.x/team"],
  [["h.x/team", "h.x"], "h.x", "teams/a", "h.x"],
  [["*.azurecr.io"], "my.azurecr.io", "a", "*.azurecr.io"],
  [["*.azurecr.io"], "a.b.azurecr.io", "a", undefined],
  [["*.azurecr.io"], "azurecr.io", "a", undefined],
  [["e*t*.x"], "east.x", "a", "e*t*.x"],
  [["e*t.x"], "eas.x", "a", undefined],
  [["*"], "h.x", "a", undefined],
];
for (const [keys, registry, repository, expected] of KEYS) {
  test(`bestKey() of ${keys.join(", ")} for ${registry}/${repository} is ${expected}`, () => {
    assert.equal(bestKey(keys, registry, repository), expected);
  });
}

const SECRET = "hunter2";
for (const content of [
  `{"auths": "${SECRET}"`,
  `{"auths": "${SECRET}"}`,
  `["${SECRET}"]`,
  `{"auths":{"h.x":{"auth":["${SECRET}"]}}}`,
  " ".repeat(MAX_DOCKER_CONFIG_BYTES + 1),
]) {
  test(`parseDockerConfig() refuses ${content.trim().slice(0, 50)} without showing it`, () => {
    assert.throws(
      () => parseDockerConfig(content, "secret team/pull"),
      (error: Error) => {
        assert.doesNotMatch(error.message, new RegExp(SECRET));
        return failing("BAD_CREDENTIALS", /credentials in secret team\/pull/)(error);
      },
    );
  });
}

test("dockerConfigCredentials() refuses a malformed auth field without showing it", async () => {
  const auth = Buffer.from(SECRET).toString("base64");
  await assert.rejects(find({ auths: { "h.x": { auth } } }, "h.x"), (error: Error) => {
    assert.doesNotMatch(error.message, new RegExp(`${SECRET}|${auth}`));
    return failing("BAD_CREDENTIALS", /the entry for h\.x cannot be used/)(error);
  });
});

test("parseDockerConfig() ends with RegistryError at worst, whatever it is given", async () => {
  const entry = fc.oneof(fc.jsonValue(), fc.record({ auth: fc.base64String() }));
  const config = fc.oneof(
    fc.jsonValue(),
    fc.record({ auths: fc.dictionary(fc.string(), entry), credsStore: fc.string() }),
  );
  await fc.assert(
    fc.asyncProperty(config, async (value) => {
      try {
        await find(value, "h.x");
      } catch (error) {
        assert.ok(error instanceof RegistryError, String(error));
      }
    }),
  );
});

/** A folder with `docker-credential-test`, which runs `script`. */
async function withHelper(script: string, clock: Clock = systemClock) {
  const folder = await tempFolder();
  const file = path.join(folder.path, "docker-credential-test");
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o700);
  const spawned = spawnedHelper({ PATH: `${folder.path}:/bin:/usr/bin` }, clock);
  const get = (program: string, server: string) => spawned.get(program, server);
  return { get, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test("spawnedHelper() runs the program with the server on its standard input", async () => {
  await using helped = await withHelper(`read s; echo "{\\"Username\\":\\"$1\\",\\"Secret\\":\\"$s\\"}"`);

  assert.deepEqual(await helped.get("test", "h.x"), { kind: "basic", username: "get", password: "h.x" });
});

test("spawnedHelper() knows identity tokens, and programs that know nothing", async () => {
  await using token = await withHelper(`echo '{"Username":"<token>","Secret":"t"}'`);
  await using nothing = await withHelper("echo 'credentials not found in native keychain'; exit 1");

  assert.deepEqual(await token.get("test", "h.x"), { kind: "identity-token", token: "t" });
  assert.equal(await nothing.get("test", "h.x"), undefined);
});

for (const [what, script, why] of [
  ["fails", `echo ${SECRET}; exit 3`, /ended with exit code 3/],
  ["answers nonsense", `echo ${SECRET}`, /not what the protocol asks for/],
  ["answers without end", "yes", /its answer is too long/],
] as const) {
  test(`spawnedHelper() says that a program ${what}`, async () => {
    await using helped = await withHelper(script);

    await assert.rejects(helped.get("test", "h.x"), (error: Error) => {
      assert.doesNotMatch(error.message, new RegExp(SECRET));
      return failing("BAD_CREDENTIALS", why)(error);
    });
  });
}

test("spawnedHelper() says that there is no such program, and runs none with a strange name", async () => {
  await using helped = await withHelper("exit 0");

  await assert.rejects(
    helped.get("other", "h.x"),
    failing("BAD_CREDENTIALS", /docker-credential-other: there is no such/),
  );
  await assert.rejects(helped.get("../test", "h.x"), failing("BAD_CREDENTIALS", /its name holds/));
});

test("spawnedHelper() ends a program that does not answer", async () => {
  const clock = new FakeClock();
  await using helped = await withHelper("exec sleep 60", clock);

  const waiting = assert.rejects(helped.get("test", "h.x"), failing("BAD_CREDENTIALS", /within 30 s/));
  await clock.advance(HELPER_TIMEOUT_MS);

  await waiting;
});
