import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import type { RegistryErrorCode } from "../errors.ts";
import { digestOf } from "../reference/digest.ts";
import { parseReference } from "../reference/reference.ts";
import { failing } from "../testing/failing.ts";
import { formats, image, index, json, moduleBytes, IMAGE_CONFIG } from "../testing/fixture.ts";
import { RegistryServer } from "../testing/registry-server.ts";
import { registryWorld } from "../testing/registry-world.ts";

const all = await formats();
const simple = all["A, CNCF artifact"]!;
const [layer] = [digestOf(moduleBytes())];

/** A big module, so that its download can break half way. */
function bigImage() {
  const module = Buffer.concat([moduleBytes("big"), Buffer.alloc(300_000, 7)]);
  const fixture = image(json("application/vnd.wasm.config.v0+json", {}), [
    { mediaType: "application/wasm", bytes: module },
  ]);
  return { module, fixture, digest: digestOf(module) };
}

for (const [format, fixture] of Object.entries(all)) {
  test(`pull() takes format ${format} from a registry`, async () => {
    await using world = await registryWorld();
    world.server.put("team/app", "v1", fixture);

    const pulled = await world.pull("team/app:v1");

    assert.equal(pulled.moduleDigest, layer);
    assert.equal(pulled.digest, fixture.digest);
  });
}

test("pull() goes on where a connection broke", async () => {
  await using world = await registryWorld();
  const { module, fixture, digest } = bigImage();
  world.server.put("app", "v1", fixture);
  let breaks = 2;
  world.server.fault = ({ url, method, range }, response) => {
    if (method !== "GET" || !url.includes(digest) || breaks-- <= 0) return false;
    const start = Number(/\d+/.exec(range ?? "")?.[0] ?? 0);
    const headers = { "content-length": module.length - start, "content-range": `bytes ${start}-1/2` };
    response.writeHead(start > 0 ? 206 : 200, headers);
    response.write(module.subarray(start, start + 100_000), () => response.destroy());
    return true;
  };

  const pulled = await world.pull("app:v1");

  assert.equal(pulled.moduleDigest, digest);
  const ranges = world.server.seen("GET", digest).map(({ range }) => range);
  assert.equal(ranges.length, 3);
  assert.ok(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? "")));
});

test("pull() skips what it has when a server ignores the range", async () => {
  await using world = await registryWorld();
  const { module, fixture, digest } = bigImage();
  world.server.put("app", "v1", fixture);
  let isFirst = true;
  world.server.fault = ({ url, method }, response) => {
    if (method !== "GET" || !url.includes(digest)) return false;
    response.writeHead(200, { "content-length": module.length });
    if (isFirst) response.write(module.subarray(0, 100_000), () => response.destroy());
    else response.end(module);
    isFirst = false;
    return true;
  };

  assert.equal((await world.pull("app:v1")).moduleDigest, digest);
});

test("pull() refuses a blob that always ends early, leaving nothing behind", async () => {
  await using world = await registryWorld({ limits: { maxAttempts: 3 } });
  world.server.put("app", "v1", simple);
  world.server.fault = ({ url, method }, response) => {
    if (method !== "GET" || !url.includes(layer)) return false;
    response.write(moduleBytes().subarray(0, 4));
    response.end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("BAD_SIZE", /4 of the 12 bytes/));

  assert.equal(world.server.seen("GET", layer).length, 3);
  assert.deepEqual(await readdir(path.join(world.store.root, "ingest")), []);
  assert.deepEqual(await world.store.list(), []);
});

test("pull() refuses a blob with other bytes than its digest says", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  world.server.blobs.set(`app/${layer}`, Buffer.from(moduleBytes("b")));

  await assert.rejects(world.pull("app:v1"), failing("BAD_DIGEST", /A layer of .*app:v1 .* has digest/));

  assert.equal(world.server.seen("GET", layer).length, 1);
});

test("pull() refuses a blob whose length header is wrong", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  world.server.blobs.set(`app/${layer}`, Buffer.alloc(5000));

  await assert.rejects(world.pull("app:v1"), failing("BAD_SIZE", /5000 bytes instead of the 12/));
});

test("pull() refuses a blob that goes on beyond its size", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  world.server.fault = ({ url, method }, response) => {
    if (method !== "GET" || !url.includes(layer)) return false;
    response.write(Buffer.alloc(100_000));
    response.end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("BAD_SIZE", /more than the 12 bytes/));
});

test("pull() refuses a manifest that is not the digest asked for", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  const other = image(json("application/vnd.wasm.config.v0+json", { other: 1 }), []);
  world.server.manifests.set(`app/${simple.digest}`, {
    bytes: Buffer.from(other.manifest),
    mediaType: other.mediaType,
  });

  await assert.rejects(world.pull(`app@${simple.digest}`), failing("BAD_DIGEST", /digest/));
});

test("pull() refuses a manifest whose digest header is wrong", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  world.server.fault = ({ url }, response) => {
    if (!url.includes("/manifests/")) return false;
    response.writeHead(200, { "content-type": simple.mediaType, "docker-content-digest": digestOf(Buffer.from("x")) });
    response.end(simple.manifest);
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("BAD_DIGEST", /says sha256:/));
});

test("pull() waits as long as Retry-After says", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  let refusals = 2;
  world.server.fault = ({ url }, response) => {
    if (!url.includes("/manifests/") || refusals-- <= 0) return false;
    response.writeHead(429, { "retry-after": "7" }).end();
    return true;
  };

  await world.pull("app:v1");

  assert.deepEqual(world.clock.waits, [7000, 7000]);
});

test("pull() does not wait longer than maxRetryAfterMs", async () => {
  await using world = await registryWorld();
  world.server.fault = ({ url }, response) => {
    if (!url.includes("/manifests/")) return false;
    response.writeHead(429, { "retry-after": "3600" }).end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("TOO_MANY_REQUESTS", /asks to wait 3600 s/));

  assert.equal(world.server.seen("GET", "/manifests/").length, 1);
});

test("pull() tries a failing registry maxAttempts times, pausing longer each time", async () => {
  await using world = await registryWorld({ limits: { maxAttempts: 4 }, random: () => 0.999 });
  world.server.fault = ({ url }, response) => {
    if (!url.includes("/manifests/")) return false;
    response.writeHead(503).end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("UNAVAILABLE", /answered 503/));

  assert.deepEqual(
    world.clock.waits.map((ms) => Math.round(ms)),
    [200, 400, 800],
  );
});

const STATUSES: readonly (readonly [number, RegistryErrorCode, RegExp])[] = [
  [401, "UNAUTHORIZED", /no credentials for .* were found/],
  [403, "DENIED", /no credentials/],
  [404, "NOT_FOUND", /MANIFEST_UNKNOWN: not  ?here/],
  [418, "UNEXPECTED_RESPONSE", /answered 418/],
];
for (const [status, code, part] of STATUSES) {
  test(`pull() answers ${code} for status ${status}`, async () => {
    await using world = await registryWorld();
    world.server.fault = ({ url }, response) => {
      if (status === 404 || !url.includes("/manifests/")) return false;
      response.writeHead(status).end("<html>no JSON</html>");
      return true;
    };

    await assert.rejects(world.pull("app:v1"), failing(code, part));
  });
}

test("pull() says that nothing listens, at once", async () => {
  await using world = await registryWorld();
  const gone = await RegistryServer.start();
  const { host } = gone;
  await gone[Symbol.asyncDispose]();

  await assert.rejects(
    world.client.pull(parseReference(`${host}/app:v1`)),
    failing("UNAVAILABLE", /ECONNREFUSED: nothing listens there/),
  );

  assert.deepEqual(world.clock.waits, []);
});

test("pull() gives a registry up that never answers", async () => {
  await using world = await registryWorld({ limits: { headersTimeoutMs: 50, maxAttempts: 2 } });
  world.server.fault = ({ url }) => url.includes("/manifests/");

  await assert.rejects(world.pull("app:v1"), failing("UNAVAILABLE", /takes too long to answer/));
});

test("pull() gives a body up that falls silent", async () => {
  await using world = await registryWorld({ limits: { idleTimeoutMs: 50, maxAttempts: 2 } });
  world.server.put("app", "v1", simple);
  world.server.fault = ({ url, method }, response) => {
    if (method !== "GET" || !url.includes(layer)) return false;
    response.writeHead(200, { "content-length": 12 });
    response.write(moduleBytes().subarray(0, 1));
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("UNAVAILABLE", /fell silent/));
});

test("pull() gives a body up that drips", async () => {
  await using world = await registryWorld();
  const { module, fixture, digest } = bigImage();
  world.server.put("app", "v1", fixture);
  world.server.fault = ({ url, method }, response) => {
    if (method !== "GET" || !url.includes(digest)) return false;
    response.writeHead(200, { "content-length": module.length });
    const drip = () => {
      if (response.destroyed) return;
      world.clock.skip(31_000);
      response.write("x", () => void setImmediate(drip));
    };
    drip();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("UNAVAILABLE", /fewer than 1024 bytes a second/));
});

test("pull() refuses a manifest above its limit", async () => {
  await using world = await registryWorld({ limits: { maxManifestBytes: 100 } });
  world.server.put("app", "v1", simple);

  await assert.rejects(world.pull("app:v1"), failing("TOO_LARGE", /exceeds 100 B/));
});

test("pull() refuses a layer above its limit before downloading it", async () => {
  await using world = await registryWorld({ limits: { maxLayerBytes: 11 } });
  world.server.put("app", "v1", simple);

  await assert.rejects(world.pull("app:v1"), failing("TOO_LARGE", /A layer of .* has 12 B; at most 11 B/));

  assert.equal(world.server.seen("GET", layer).length, 0);
});

test("pull() refuses a config above its limit", async () => {
  await using world = await registryWorld({ limits: { maxConfigBytes: 10 } });
  world.server.put("app", "v1", simple);

  await assert.rejects(world.pull("app:v1"), failing("TOO_LARGE", /config/));
});

test("pull() refuses headers above their limit", async () => {
  await using world = await registryWorld({ limits: { maxHeaderBytes: 2000 } });
  world.server.fault = ({ url }, response) => {
    if (!url.includes("/manifests/")) return false;
    response.writeHead(200, { "x-long": "a".repeat(4000) }).end();
    return true;
  };

  await assert.rejects(world.pull("app:v1"), failing("UNAVAILABLE", /headers are too large/));
});

test("pull() picks the manifest for WebAssembly from an index", async () => {
  await using world = await registryWorld();
  const linux = image(json(IMAGE_CONFIG, { architecture: "amd64", os: "linux" }), []);
  const both = index([
    { image: linux, platform: "linux/amd64" },
    { image: simple, platform: "wasip1/wasm" },
  ]);
  world.server.put("app", "v1", both);

  const pulled = await world.pull("app:v1");

  assert.equal(pulled.digest, simple.digest);
  assert.deepEqual(pulled.digests, [
    `${world.server.host}/app@${both.digest}`,
    `${world.server.host}/app@${simple.digest}`,
  ]);
  assert.deepEqual(await world.store.find(`${world.server.host}/app@${both.digest}`), pulled);
});

test("pull() refuses an index without WebAssembly, naming its platforms", async () => {
  await using world = await registryWorld();
  const linux = image(json(IMAGE_CONFIG, { architecture: "amd64", os: "linux" }), []);
  world.server.put("app", "v1", index([{ image: linux, platform: "linux/amd64" }]));

  await assert.rejects(world.pull("app:v1"), failing("NOT_WASM", /is for linux\/amd64; an image that runs here/));
});

test("pull() downloads a blob once for several tags and callers at a time", async () => {
  await using world = await registryWorld();
  const { fixture, digest } = bigImage();
  world.server.put("app", "v1", fixture);
  world.server.put("app", "v2", fixture);

  const pulled = await Promise.all([world.pull("app:v1"), world.pull("app:v2"), world.pull("app:v1")]);

  assert.equal(new Set(pulled.map((each) => each.digest)).size, 1);
  assert.equal(world.server.seen("GET", digest).length, 1);
  const stored = await world.store.find(`${world.server.host}/app:v2`);
  assert.deepEqual(stored?.tags.toSorted(), [`${world.server.host}/app:v1`, `${world.server.host}/app:v2`]);
});

test("pull() goes on for others when one caller gives up", async () => {
  await using world = await registryWorld();
  const { module, fixture, digest } = bigImage();
  world.server.put("app", "v1", fixture);
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  world.server.fault = async ({ url, method }, response) => {
    if (method !== "GET" || !url.includes(digest)) return false;
    reached.resolve();
    await release.promise;
    response.writeHead(200, { "content-length": module.length }).end(module);
    return true;
  };
  const gaveUp = new AbortController();

  const first = world.pull("app:v1", { signal: gaveUp.signal });
  await reached.promise;
  const second = world.pull("app:v1");
  gaveUp.abort(new Error("gave up"));

  await assert.rejects(first, /gave up/);
  release.resolve();
  assert.equal((await second).moduleDigest, digest);
});

test("pull() ends with the caller's reason wherever it is aborted", async () => {
  for (const part of ["/v2/", "/manifests/", "/blobs/"]) {
    await using world = await registryWorld();
    world.server.put("app", "v1", simple);
    const reason = new Error("enough");
    const controller = new AbortController();
    world.server.fault = ({ url }) => {
      if (!url.includes(part)) return false;
      controller.abort(reason);
      return true;
    };

    await assert.rejects(world.pull("app:v1", { signal: controller.signal }), reason);
  }
});

test("pull() asks once by HEAD when policy Always finds the image unchanged", async () => {
  await using world = await registryWorld();
  world.server.put("app", "latest", simple);
  const first = await world.pull("app");
  world.server.requests.length = 0;

  const second = await world.pull("app", { policy: "Always" });

  assert.deepEqual(second, first);
  assert.deepEqual(
    world.server.requests.filter(({ url }) => url !== "/v2/").map(({ method }) => method),
    ["HEAD"],
  );
});

test("pull() takes the new image when policy Always finds that a tag moved", async () => {
  await using world = await registryWorld();
  world.server.put("app", "latest", simple);
  const before = await world.pull("app");
  world.server.put("app", "latest", bigImage().fixture);

  const after = await world.pull("app", { policy: "Always" });

  assert.notEqual(after.digest, before.digest);
  assert.deepEqual(after.tags, [`${world.server.host}/app:latest`]);
  assert.deepEqual((await world.store.find(before.digest))?.tags, []);
});

test("pull() asks nobody for what policy IfNotPresent finds, nor at all with Never", async () => {
  await using world = await registryWorld();
  world.server.put("app", "v1", simple);
  await assert.rejects(world.pull("app:v1", { policy: "Never" }), failing("NOT_FOUND", /pull policy is Never/));
  assert.deepEqual(world.server.requests, []);
  const pulled = await world.pull("app:v1");
  world.server.requests.length = 0;

  assert.deepEqual(await world.pull("app:v1"), pulled);
  assert.deepEqual(await world.pull("app:v1", { policy: "Never" }), pulled);
  assert.deepEqual(world.server.requests, []);
});

test("pull() tells how far it is", async () => {
  await using world = await registryWorld();
  const { module, fixture } = bigImage();
  world.server.put("app", "v1", fixture);
  const told: (readonly [number, number])[] = [];

  await world.pull("app:v1", { onProgress: (received, total) => void told.push([received, total]) });

  assert.deepEqual(told.at(-1), [module.length, module.length]);
  assert.ok(told.every(([received, total]) => received <= total));
});

/** A proxy that notes where it was asked to connect, and connects to loopback only. */
async function startProxy() {
  const asked: string[] = [];
  const proxy = http.createServer((_, response) => void response.writeHead(502).end());
  proxy.on("connect", ({ url = "" }, socket: net.Socket) => {
    asked.push(url);
    const [host = "", port] = url.split(":");
    if (host !== "127.0.0.1") return void socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    const upstream = net.connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
  return { asked, url, [Symbol.dispose]: () => void proxy.close() };
}

for (const noProxy of ["", "127.0.0.1"]) {
  test(`pull() goes through a proxy, noProxy "${noProxy}"`, async () => {
    using proxy = await startProxy();
    await using world = await registryWorld({ proxy: { httpProxy: proxy.url, httpsProxy: proxy.url, noProxy } });
    world.server.put("app", "v1", simple);

    assert.equal((await world.pull("app:v1")).digest, simple.digest);

    assert.equal(proxy.asked.includes(world.server.host), noProxy === "");
  });
}

test("pull() connects to a host that is not loopback for https only", async () => {
  using proxy = await startProxy();
  await using world = await registryWorld({
    proxy: { httpProxy: proxy.url, httpsProxy: proxy.url },
    limits: { maxAttempts: 1 },
  });

  await assert.rejects(
    world.client.pull(parseReference("registry.example/app:v1")),
    failing("UNAVAILABLE", /https:\/\/registry\.example\/v2\/app\/manifests\/v1/),
  );

  assert.deepEqual([...new Set(proxy.asked)], ["registry.example:443"]);
});

test("pull() asks a mirror first and the registry when the mirror fails", async () => {
  await using mirror = await RegistryServer.start();
  await using world = await registryWorld({
    mirrors: new Map([
      ["example.com", [{ kind: "registry", registry: mirror.host, prefix: "cache", isPlainHttp: true } as const]],
    ]),
    limits: { connectTimeoutMs: 300, maxAttempts: 1 },
  });
  mirror.put("cache/team/app", "v1", simple);

  const pulled = await world.client.pull(parseReference("example.com/team/app:v1"), {
    auth: { username: "u", password: "secret" },
  });

  assert.deepEqual(pulled.tags, ["example.com/team/app:v1"]);
  assert.deepEqual(
    mirror.requests.filter(({ authorization }) => authorization !== undefined),
    [],
  );
});
