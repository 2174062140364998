import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { createEngine, createEpoch } from "../../src/engine/index.ts";
import { createGateway, outboundHttp } from "../../src/gateway/index.ts";
import { container, listeningSocket, request } from "../../src/gateway/testing.ts";
import { instrument } from "../../src/wasm/index.ts";
import { names } from "./server.ts";

const DEMO = new URL("../../guests/demo/http-example.wasm", import.meta.url);

/** Asks the demo pod's /http-example once; answers what the client got and what the container's log got. */
async function askDemo(allowedHosts: readonly string[], addresses: Readonly<Record<string, readonly string[]>>) {
  const http = outboundHttp({ clock: systemClock, log: silentLogger, resolve: names(addresses) });
  await using engine = createEngine({ epoch: createEpoch().memory, clock: systemClock, hostModules: [http] });
  const gateway = createGateway({ clock: systemClock, log: silentLogger });
  const { bytes, layout } = instrument(readFileSync(DEMO));
  const guest = engine.load({ digest: "sha256:demo", module: new WebAssembly.Module(bytes), layout });
  const log: Uint8Array[] = [];
  const { fd, port } = listeningSocket();
  gateway.declareRoutes("pod", [{ route: "/http-example", container: "demo" }]);
  gateway.serve(
    "pod",
    container("demo", "/http-example", guest, { allowedHosts, onStderr: (text) => void log.push(text) }),
  );
  await gateway.listen("pod", fd);
  const { status, headers, body } = await request(port, "/http-example");
  await gateway.close();
  return { status, type: headers["content-type"], body, log: Buffer.concat(log).toString() };
}

const TARGET = "the outbound call to https://api.brigade.sh/healthz failed with code";

test("/http-example says that its host is not allowed, and the container's log says which", async () => {
  const answer = await askDemo(["https://example.com"], {});

  assert.deepEqual(answer, {
    status: 502,
    type: "text/plain",
    body: "api.brigade.sh gave no answer: the host is not on the module's list of allowed hosts\n",
    log:
      `wasipool: ${TARGET} 7: the host api.brigade.sh is not in the module's allowed_hosts\n` +
      "http-example: no answer from api.brigade.sh: the host is not on the module's list of allowed hosts\n",
  });
});

test("/http-example says that its host cannot be reached", async () => {
  const answer = await askDemo(["https://api.brigade.sh"], {});

  assert.deepEqual(answer, {
    status: 502,
    type: "text/plain",
    body: "api.brigade.sh gave no answer: the host could not be reached\n",
    log:
      `wasipool: ${TARGET} 11: the host api.brigade.sh has no address\n` +
      "http-example: no answer from api.brigade.sh: the host could not be reached\n",
  });
});

test("/http-example says so when its host leads to this machine", async () => {
  const { status, log } = await askDemo(["https://api.brigade.sh"], { "api.brigade.sh": ["::ffff:127.0.0.1"] });

  assert.equal(status, 502);
  assert.match(log, /code 7: the address ::ffff:127\.0\.0\.1 of api\.brigade\.sh is refused: loopback\n/);
});
