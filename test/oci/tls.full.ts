// Registries that speak TLS with a certificate nobody knows. The certificate is made by openssl; skipped, and said so, without it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import https from "node:https";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { createImageClient, createImageStore, packImage, parseReference } from "../../src/oci/index.ts";

const skip = spawnSync("openssl", ["version"]).error ? "openssl is not installed" : false;
const packed = packImage(Buffer.from("0061736d01000000", "hex"));

async function tlsRegistry(folder: string) {
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  const made = spawnSync("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test".split(" "),
    "-keyout",
    key,
    "-out",
    cert,
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  const server = https.createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
    const blob = packed.blobs.find(({ digest }) => request.url?.endsWith(digest));
    if (request.url?.includes("/manifests/")) {
      response.setHeader("content-type", packed.manifest.mediaType ?? "");
      response.end(packed.manifest.bytes);
    } else response.end(blob?.bytes ?? "{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close };
}

test("a certificate that nobody knows is refused unless the registry is named as insecure", { skip }, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "wasipool-tls-"));
  {
    await using registry = await tlsRegistry(folder);
    await using store = await createImageStore({
      root: path.join(folder, "store"),
      clock: systemClock,
      log: silentLogger,
    });
    const options = { store, clock: systemClock, log: silentLogger };
    await using strict = createImageClient(options);
    await using lenient = createImageClient({ ...options, insecureRegistries: new Set([registry.host]) });
    const reference = parseReference(`${registry.host}/app:v1`);

    await assert.rejects(strict.pull(reference), {
      code: "UNAVAILABLE",
      message: /DEPTH_ZERO_SELF_SIGNED_CERT: its certificate is self-signed; add its CA to NODE_EXTRA_CA_CERTS/,
    });
    assert.equal((await lenient.pull(reference)).moduleBytes, 8);
  }
  await rm(folder, { recursive: true });
});
