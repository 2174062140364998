// Pulls from registries and layouts that answer anything: they end in an image or a documented error, and harm the store in no way.
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as fc from "fast-check";
import { silentLogger } from "../../src/base/index.ts";
import {
  createImageClient,
  type ImageStore,
  parseReference,
  RegistryError,
  type StoredImage,
  StoreError,
} from "../../src/oci/index.ts";
import {
  formats,
  type ImageFixture,
  openStore,
  tempFolder,
  writeLayoutFixture,
} from "../../src/oci/testing/fixture.ts";
import type { Fault, RegistryServer } from "../../src/oci/testing/registry-server.ts";
import { ImpatientClock, registryWorld } from "../../src/oci/testing/registry-world.ts";

/** What no pull takes: its waits are skipped, so a longer one hangs. */
const MAX_MS = 10_000;
/** Six attempts at each of a few requests, with redirects and tokens between them. */
const MAX_REQUESTS = 500;

/** Ends in an image, a RegistryError or a StoreError; answers the image. */
async function endsWell(pull: () => Promise<StoredImage>): Promise<StoredImage | undefined> {
  const started = performance.now();
  try {
    return await pull();
  } catch (error) {
    assert.ok(error instanceof RegistryError || error instanceof StoreError, String((error as Error).stack));
    return undefined;
  } finally {
    assert.ok(performance.now() - started < MAX_MS, "a pull took too long");
  }
}

/** What a pull answered is whole and is what its digests say; nothing unfinished is left. */
async function checkStore(store: ImageStore, folder: string, pulled: StoredImage | undefined): Promise<void> {
  // Throws unless the content has this digest.
  if (pulled) await store.blobs.read(pulled.moduleDigest);
  if (pulled) await store.blobs.read(pulled.digest);
  const files = await readdir(folder, { recursive: true });
  const unfinished = files.filter((file) => /(^|\/)ingest\/./.test(file));
  assert.deepEqual(unfinished, []);
}

type Mutate = (bytes: Buffer) => Buffer;

/** Puts bytes in place of others, cuts, or repeats the whole. */
const mutate: fc.Arbitrary<Mutate> = fc
  .tuple(
    fc.nat({ max: 2000 }),
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.constantFrom(...'{}[]",:0-1'.split(""), "null", "1e999", "\\u0000").map((text) => Buffer.from(text)),
    ),
    fc.nat({ max: 8 }),
    fc.constantFrom("put", "put", "put", "cut", "repeat"),
  )
  .map(([place, put, drop, kind]): Mutate => (bytes) => {
    const at = place % (bytes.length + 1);
    if (kind === "cut") return bytes.subarray(0, at);
    if (kind === "repeat") return Buffer.concat([bytes, bytes]);
    return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
  });

// --- Registries

interface BadAnswer {
  readonly status: number;
  /** `HOST` stands for the registry's own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: "none" | "noise" | "mutated";
  readonly mutate: Mutate;
}

const DIGEST = `sha256:${"0".repeat(64)}`;
const PLACES = [
  "/v2/",
  "/elsewhere",
  "",
  "http://HOST/v2/other/blobs/x",
  "https://HOST/",
  "//HOST/x",
  "file:///etc/passwd",
  "http://[",
  "ftp://HOST",
  "http://u:p@HOST/",
];
const CHALLENGES = [
  "Basic",
  'Bearer realm="http://HOST/token"',
  'Bearer realm="https://HOST/token",scope="x"',
  'Bearer realm=""',
  "Bearer",
  'Bearer realm="http://HOST/token',
  "Negotiate",
  ",,,",
];
const header = (...values: readonly string[]) => fc.option(fc.constantFrom(...values), { nil: undefined, freq: 1 });

const headers = fc
  .record({
    "content-type": header(
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.oci.image.index.v1+json",
      "text/html",
      ";",
      "application/json",
    ),
    "docker-content-digest": header(DIGEST, "sha256:", "md5:0", "x"),
    location: header(...PLACES),
    "www-authenticate": header(...CHALLENGES),
    "content-range": header("bytes 0-1/2", "bytes */0", "x", "bytes 5-1/1"),
    "retry-after": header("0", "1", "99999999", "x", "-1"),
    "content-encoding": header("gzip", "identity", "x"),
    etag: header('"x"'),
  })
  .map((all) =>
    Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  );

const badAnswer: fc.Arbitrary<BadAnswer> = fc.record({
  status: fc.constantFrom(200, 200, 200, 201, 204, 206, 301, 302, 307, 400, 401, 401, 403, 404, 416, 429, 500, 503),
  headers,
  body: fc.constantFrom("none", "noise", "mutated", "mutated"),
  mutate,
});

/** For the n-th request a bad answer, or none: then the server answers as it should. */
const plan = fc.array(fc.option(badAnswer, { freq: 2 }), { minLength: 1, maxLength: 12 });

function faultOf(answers: readonly (BadAnswer | null)[], server: RegistryServer): Fault {
  let requests = 0;
  return ({ method, url }, response) => {
    const answer = answers[requests++];
    assert.ok(requests < MAX_REQUESTS, "a pull asks without end");
    if (!answer) return false;
    for (const [name, value] of Object.entries(answer.headers))
      response.setHeader(name, value.replace("HOST", server.host));
    response.writeHead(answer.status);
    response.end(method === "HEAD" || answer.body === "none" ? undefined : bodyOf(answer, url, server));
    return true;
  };
}

function bodyOf({ body, mutate: change }: BadAnswer, url: string, server: RegistryServer): Buffer {
  if (body === "noise") return Buffer.from('{"errors":[{"code":"X","message":"\\u0000"}],"token":1}');
  const key = url.replace(/^\/v2\//, "").replace(/\/(manifests|blobs)\//, "/");
  return change(server.manifests.get(key)?.bytes ?? server.blobs.get(key) ?? Buffer.from('{"token":"t"}'));
}

/** Pulls from a registry that gives bad answers, then from the same when it answers as it should. */
export async function fuzzRegistry(numRuns: number): Promise<void> {
  const images = Object.values(await formats());
  await using world = await registryWorld();
  for (const [number, image] of images.entries()) world.server.put("app", `v${number}`, image);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: images.length - 1 }), plan, async (number, answers) => {
      const image = images[number] as ImageFixture;
      world.server.requests.length = 0;
      world.server.fault = faultOf(answers, world.server);
      const pulled = await endsWell(() => world.pull(`app:v${number}`, { policy: "Always" }));
      await checkStore(world.store, world.folder, pulled);

      world.server.fault = () => false;
      const after = await world.pull(`app:v${number}`, { policy: "Always" });
      assert.equal(after.digest, image.digest);
      // By digest nothing else may come, whatever is answered.
      world.server.fault = faultOf(answers, world.server);
      const exact = await endsWell(() => world.pull(`app@${image.digest}`, { policy: "Always" }));
      assert.equal(exact?.digest ?? image.digest, image.digest);
      await world.store.remove(after.digest);
    }),
    { numRuns },
  );
}

// --- Layouts

/** Behind a mirror that fails the registry itself is asked: this one refuses connections at once. */
const NOBODY = "127.0.0.1:1";

/** Pulls from an OCI image layout one of whose files is damaged, then from the whole one. */
export async function fuzzLayout(numRuns: number): Promise<void> {
  const images = await formats();
  const names = Object.keys(images).map((_, number) => `app:v${number}`);
  await using folder = await tempFolder();
  const layout = path.join(folder.path, "layout");
  const root = path.join(folder.path, "store");
  await writeLayoutFixture(
    layout,
    Object.fromEntries(Object.values(images).map((image, number) => [`app:v${number}`, image])),
  );
  const files = (await readdir(layout, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
  await using store = await openStore(root);
  const mirrors = new Map([[NOBODY, [{ kind: "layout", folder: layout } as const]]]);
  await using client = createImageClient({ store, clock: new ImpatientClock(), log: silentLogger, mirrors });
  const pull = (name: string) => client.pull(parseReference(`${NOBODY}/${name}`), { policy: "Always" });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.constantFrom(...files),
      fc.oneof({ arbitrary: mutate, weight: 8 }, fc.constantFrom("gone" as const, "folder" as const)),
      async (name, file, change) => {
        const whole = await readFile(file);
        await damage(file, whole, change);
        const pulled = await endsWell(() => pull(name));
        await checkStore(store, root, pulled);
        await rm(file, { recursive: true, force: true });
        await writeFile(file, whole);

        const after = await pull(name);
        assert.equal(after.digest, Object.values(images)[names.indexOf(name)]?.digest);
        await store.remove(after.digest);
        if (pulled && pulled.digest !== after.digest) await store.remove(pulled.digest);
      },
    ),
    { numRuns },
  );
}

async function damage(file: string, whole: Buffer, change: Mutate | "gone" | "folder"): Promise<void> {
  await rm(file);
  if (change === "folder") await mkdir(file);
  else if (change !== "gone") await writeFile(file, change(whole));
}
