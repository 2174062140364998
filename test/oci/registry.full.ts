// Against a real registry (Debian's docker-registry) and read back by another client (skopeo). Skipped, and said so, where they
// are not installed.
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { silentLogger, sleep, systemClock } from "../../src/base/index.ts";
import {
  copyImage,
  createImageClient,
  createImageStore,
  exactNaming,
  LayoutRepository,
  LayoutWriter,
  packImage,
  parseReference,
  pushImage,
} from "../../src/oci/index.ts";

const run = promisify(execFile);

function isMissing(program: string, argument: string): boolean {
  return spawnSync(program, [argument], { stdio: "ignore" }).error !== undefined;
}

const missing = [
  isMissing("docker-registry", "--version") ? "docker-registry" : "",
  isMissing("skopeo", "--version") ? "skopeo" : "",
].filter(Boolean);
const skip = missing.length > 0 ? `not installed: ${missing.join(", ")}` : false;

const MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 5, 4, 0x74, 0x65, 0x73, 0x74]);

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A registry on loopback; with `htpasswd` lines it asks for Basic credentials. */
async function startRegistry(folder: string, htpasswd?: string) {
  const host = `127.0.0.1:${await freePort()}`;
  const users = path.join(folder, "htpasswd");
  if (htpasswd !== undefined) await writeFile(users, htpasswd);
  const config = path.join(folder, "config.yml");
  await writeFile(
    config,
    [
      "version: 0.1",
      "log: {level: error, accesslog: {disabled: true}}",
      `storage: {filesystem: {rootdirectory: ${path.join(folder, "registry")}}, delete: {enabled: true}}`,
      `http: {addr: "${host}"}`,
      htpasswd === undefined ? "" : `auth: {htpasswd: {realm: test, path: ${users}}}`,
    ].join("\n"),
  );
  const child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
  await untilReady(host);
  const stop = async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  };
  return { host, [Symbol.asyncDispose]: stop };
}

async function untilReady(host: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const response = await fetch(`http://${host}/v2/`).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    await sleep({ ...systemClock, after: keptAlive }, 100);
  }
  throw new Error(`The registry at ${host} did not start within 10 s`);
}

function keptAlive(delayMs: number, after: () => void): Disposable {
  const timer = setTimeout(after, delayMs);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

async function world(htpasswd?: string) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wasipool-registry-"));
  const registry = await startRegistry(folder, htpasswd);
  const store = await createImageStore({ root: path.join(folder, "store"), clock: systemClock, log: silentLogger });
  const client = createImageClient({ store, clock: systemClock, log: silentLogger });
  const dispose = async () => {
    await client[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  };
  return { folder, host: registry.host, client, store, [Symbol.asyncDispose]: dispose };
}

for (const format of ["cncf", "wasm-to-oci"] as const) {
  test(`a real registry takes and gives format ${format}, and skopeo reads it`, { skip }, async () => {
    await using place = await world();
    const { client, host } = place;
    const reference = parseReference(`${host}/team/hello:v1`);
    const packed = packImage(MODULE, { format, title: "hello.wasm" });
    const options = { limits: client.limits };

    const target = { repository: client.repository(reference, { canPush: true }), tag: "v1" };
    const digest = await pushImage(packed, target, options);
    const pulled = await client.pull(reference);

    assert.equal(pulled.digest, digest);
    assert.equal(pulled.moduleBytes, MODULE.length);
    const { stdout } = await run("skopeo", [
      "inspect",
      "--raw",
      "--tls-verify=false",
      `docker://${host}/team/hello:v1`,
    ]);
    assert.equal(stdout.trim(), Buffer.from(packed.manifest.bytes).toString());
    await run("skopeo", [
      "copy",
      "--insecure-policy",
      "--src-tls-verify=false",
      `docker://${host}/team/hello:v1`,
      `oci:${path.join(place.folder, "layout")}:hello`,
    ]);
    const layout = new LayoutRepository(path.join(place.folder, "layout"), exactNaming, client.limits);
    const copied = parseReference(`${host}/other/hello:v2`);
    const loaded = await client.load({ repository: layout, tagOrDigest: "hello" }, copied);
    assert.equal(loaded.moduleDigest, pulled.moduleDigest);
  });
}

test(
  "a real registry mounts blobs from another repository, and skopeo reads a layout written here",
  { skip },
  async () => {
    await using place = await world();
    const { client, host } = place;
    const options = { limits: client.limits };
    const from = parseReference(`${host}/a:v1`);
    const digest = await pushImage(
      packImage(MODULE),
      { repository: client.repository(from, { canPush: true }), tag: "v1" },
      options,
    );

    const to = client.repository(parseReference(`${host}/b:v1`), { canPush: true, mountFrom: "a" });
    await copyImage({ repository: client.repository(from), tagOrDigest: "v1" }, { repository: to, tag: "v1" }, options);
    const folder = path.join(place.folder, "written");
    const writer = { repository: new LayoutWriter(folder, client.limits), tag: "hello" };
    await copyImage({ repository: client.repository(from), tagOrDigest: "v1" }, writer, options);

    assert.equal((await client.pull(parseReference(`${host}/b:v1`))).digest, digest);
    const { stdout } = await run("skopeo", ["inspect", "--raw", `oci:${folder}:hello`]);
    assert.equal(stdout.trim(), Buffer.from(packImage(MODULE).manifest.bytes).toString());
  },
);

test("a real registry asks for Basic credentials", { skip }, async () => {
  // bcrypt of "s3cret", the only form the registry reads.
  await using place = await world("ada:$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK\n");
  const { client, host } = place;
  const reference = parseReference(`${host}/private:v1`);
  const auth = { username: "ada", password: "s3cret" };

  const target = { repository: client.repository(reference, { canPush: true, auth }), tag: "v1" };
  await pushImage(packImage(MODULE), target, { limits: client.limits });

  await assert.rejects(client.pull(reference), { code: "UNAUTHORIZED" });
  await assert.rejects(client.pull(reference, { auth: { ...auth, password: "no" } }), { code: "UNAUTHORIZED" });
  assert.equal((await client.pull(reference, { auth })).kind, "module");
});
