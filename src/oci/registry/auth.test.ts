import assert from "node:assert/strict";
import { test } from "node:test";
import type { Credential, CredentialSource } from "../credentials/credential.ts";
import { digestOf } from "../reference/digest.ts";
import { failing } from "../testing/failing.ts";
import { formats, moduleBytes } from "../testing/fixture.ts";
import { RegistryServer } from "../testing/registry-server.ts";
import { registryWorld } from "../testing/registry-world.ts";

const simple = (await formats())["A, CNCF artifact"]!;
const layer = digestOf(moduleBytes());
const LOGIN = { username: "ada", password: "s3cret" };

function fixed(credential: Credential | undefined): CredentialSource {
  return { find: () => Promise.resolve(credential) };
}

test("pull() gets a token for the repository and uses it again", async () => {
  await using world = await registryWorld({ credentials: fixed({ kind: "basic", ...LOGIN }) });
  world.server.auth = { kind: "bearer", ...LOGIN };
  world.server.put("team/app", "v1", simple);

  await world.pull("team/app:v1");
  await world.pull("team/app:v1", { policy: "Always" });

  const [asked, ...more] = world.server.seen("GET", "/token");
  assert.equal(asked?.url, "/token?service=test+service&scope=repository%3Ateam%2Fapp%3Apull");
  assert.match(asked?.authorization ?? "", /^Basic /);
  assert.deepEqual(more, []);
  assert.ok(world.server.seen("GET", "/v2/").every(({ authorization }) => !authorization?.startsWith("Basic")));
});

test("pull() gets a token of its own for each repository", async () => {
  await using world = await registryWorld({ credentials: fixed({ kind: "basic", ...LOGIN }) });
  world.server.auth = { kind: "bearer", ...LOGIN };
  world.server.put("team/a", "v1", simple);
  world.server.put("team/b", "v1", simple);

  await world.pull("team/a:v1");
  await world.pull("team/b:v1");

  assert.equal(world.server.seen("GET", "/token").length, 2);
});

test("pull() gets a new token when the old one has expired", async () => {
  await using world = await registryWorld({ credentials: fixed({ kind: "basic", ...LOGIN }) });
  world.server.auth = { kind: "bearer", ...LOGIN, expiresInS: 100 };
  world.server.put("app", "v1", simple);
  await world.pull("app:v1");

  world.clock.skip(89_000);
  await world.pull("app:v1", { policy: "Always" });
  assert.equal(world.server.seen("GET", "/token").length, 1);
  world.clock.skip(2000);
  await world.pull("app:v1", { policy: "Always" });

  assert.equal(world.server.seen("GET", "/token").length, 2);
});

test("pull() gets a new token when the registry refuses the one it has", async () => {
  await using world = await registryWorld({ credentials: fixed({ kind: "basic", ...LOGIN }) });
  world.server.auth = { kind: "bearer", ...LOGIN };
  world.server.put("app", "v1", simple);
  await world.pull("app:v1");
  let isRevoked = true;
  world.server.fault = ({ url, method }, response) => {
    if (url.startsWith("/token")) {
      isRevoked = false;
      response.end(JSON.stringify({ access_token: "token-repository:app:pull" }));
      return true;
    }
    if (!isRevoked || method !== "HEAD") return false;
    const challenge = `Bearer realm="http://${world.server.host}/token"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
    return true;
  };

  await assert.rejects(world.pull("app:v1", { policy: "Always" }), failing("UNAUTHORIZED", /refused the credentials/));
});

test("pull() takes an anonymous token when it has no credentials", async () => {
  await using world = await registryWorld();
  world.server.auth = { kind: "bearer", ...LOGIN, allowsAnonymous: true };
  world.server.put("app", "v1", simple);

  await world.pull("app:v1");

  assert.equal(world.server.seen("GET", "/token")[0]?.authorization, undefined);
});

test("pull() trades an identity token in", async () => {
  await using world = await registryWorld();
  world.server.auth = { kind: "bearer", ...LOGIN, refreshToken: "refresh" };
  world.server.put("app", "v1", simple);

  await world.pull("app:v1", { auth: { identityToken: "refresh" } });

  assert.equal(world.server.seen("POST", "/token").length, 1);
});

test("pull() sends a registry token as it is", async () => {
  await using world = await registryWorld();
  world.server.auth = { kind: "bearer", ...LOGIN };
  world.server.put("app", "v1", simple);

  await world.pull("app:v1", { auth: { registryToken: "token-repository:app:pull" } });

  assert.equal(world.server.seen("GET", "/token").length, 0);
});

test("pull() answers a Basic challenge, from the pull secret before other credentials", async () => {
  await using world = await registryWorld({
    credentials: fixed({ kind: "basic", username: "other", password: "wrong" }),
  });
  world.server.auth = { kind: "basic", ...LOGIN };
  world.server.put("app", "v1", simple);

  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString("base64");
  assert.equal((await world.pull("app:v1", { auth: { auth } })).moduleDigest, layer);
});

for (const kind of ["basic", "bearer"] as const) {
  test(`pull() says that credentials are missing (${kind})`, async () => {
    await using world = await registryWorld();
    world.server.auth = { kind, ...LOGIN };
    world.server.put("app", "v1", simple);

    await assert.rejects(world.pull("app:v1"), failing("UNAUTHORIZED", /no credentials for .*docker login/));
  });

  test(`pull() says that credentials were refused, without showing them (${kind})`, async () => {
    await using world = await registryWorld();
    world.server.auth = { kind, ...LOGIN };
    world.server.put("app", "v1", simple);
    const auth = { username: "ada", password: "hunter2" };

    await assert.rejects(world.pull("app:v1", { auth }), (error: Error) => {
      failing("UNAUTHORIZED", /refused the credentials/)(error);
      assert.doesNotMatch(error.message, /hunter2|aHVudGVyMg/);
      return true;
    });
  });
}

test("pull() refuses a pull secret that is malformed, without showing it", async () => {
  await using world = await registryWorld();

  await assert.rejects(world.pull("app:v1", { auth: { auth: "c2VjcmV0" } }), (error: Error) => {
    failing("BAD_CREDENTIALS", /must be username:password in base64/)(error);
    assert.doesNotMatch(error.message, /c2VjcmV0|secret(?! cannot)/);
    return true;
  });
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`pull() follows a ${status} to another host without credentials`, async () => {
    await using other = await RegistryServer.start();
    await using world = await registryWorld({ credentials: fixed({ kind: "basic", ...LOGIN }) });
    world.server.auth = { kind: "basic", ...LOGIN };
    world.server.put("app", "v1", simple);
    other.fault = (_, response) => {
      response.end(moduleBytes());
      return true;
    };
    world.server.fault = ({ url }, response) => {
      if (!url.includes(layer)) return false;
      response.writeHead(status, { location: `http://${other.host}/blob?signature=secret` }).end();
      return true;
    };

    await world.pull("app:v1");

    assert.deepEqual(
      other.requests.map(({ authorization }) => authorization),
      [undefined],
    );
  });
}

test("pull() does not show the query of a redirect, which holds signatures", async () => {
  await using other = await RegistryServer.start();
  await using world = await registryWorld({ limits: { maxAttempts: 1 } });
  world.server.put("app", "v1", simple);
  other.fault = (_, response) => {
    response.writeHead(403).end();
    return true;
  };
  world.server.fault = ({ url }, response) => {
    if (!url.includes(layer)) return false;
    response.writeHead(307, { location: `http://${other.host}/blob?signature=hunter2` }).end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), (error: Error) => {
    assert.doesNotMatch(error.message, /hunter2/);
    return failing("DENIED", /\/blob answered 403/)(error);
  });
});

test("pull() ends a chain of redirects", async () => {
  await using world = await registryWorld({ limits: { maxRedirects: 3 } });
  world.server.fault = ({ url }, response) => {
    if (!url.includes("/manifests/")) return false;
    response.writeHead(302, { location: url }).end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("UNEXPECTED_RESPONSE", /redirects more than 3 times/));

  assert.equal(world.server.seen("GET", "/manifests/").length, 4);
});

const UNSAFE = ["http://registry.example/", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://169.254.169.254/latest"];
for (const location of UNSAFE) {
  test(`pull() does not follow a redirect to ${location}`, async () => {
    await using world = await registryWorld();
    world.server.fault = ({ url }, response) => {
      if (!url.includes("/manifests/")) return false;
      response.writeHead(302, { location }).end();
      return true;
    };

    await assert.rejects(world.pull("app:v1"), failing("UNSAFE", /not encrypted/));
  });

  test(`pull() does not ask a token server at ${location}`, async () => {
    await using world = await registryWorld({ credentials: fixed({ kind: "basic", ...LOGIN }) });
    world.server.fault = ({ url }, response) => {
      if (!url.includes("/manifests/")) return false;
      response.writeHead(401, { "www-authenticate": `Bearer realm="${location}"` }).end();
      return true;
    };

    await assert.rejects(world.pull("app:v1"), failing("UNSAFE", /not encrypted/));
  });
}

test("pull() refuses a token above its limit and one that is no token", async () => {
  await using world = await registryWorld({ limits: { maxTokenBytes: 100 } });
  world.server.auth = { kind: "bearer", ...LOGIN, allowsAnonymous: true };
  const answers = [JSON.stringify({ token: "x".repeat(200) }), '{"token":"a\\r\\nb"}', "{}", "no JSON"];
  world.server.fault = ({ url }, response) => {
    if (!url.startsWith("/token")) return false;
    response.end(answers.shift());
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("TOO_LARGE", /token/));
  for (let left = 3; left > 0; left -= 1) {
    await assert.rejects(world.pull("app:v1"), failing("UNEXPECTED_RESPONSE", /without a token/));
  }
});
