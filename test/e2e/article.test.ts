// The article's pod, verbatim but for its address, through the real command: spec/wagi.md section 11.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ARTICLE, Cli, freePort, get } from "./cli.ts";

const HTML = "text/html;charset=UTF-8";
const EMPTY = { type: null, body: "" };
const ROWS = [
  ["/hello", { status: 200, type: "text/plain", body: "hello world\n" }],
  ["/hello/", { status: 200, type: "text/plain", body: "hello world\n" }],
  ["/hello/x", { status: 200, type: "text/plain", body: "hello world\n" }],
  ["/helloworld", { status: 404, ...EMPTY }],
  ["/", { status: 200, type: HTML, body: "Oh hi world\n" }],
  ["/error", { status: 404, type: "text/plain", body: "Not Found\n" }],
  ["/log", { status: 200, type: HTML, body: "Oh hi world\n\n" }],
  ["/healthz", { status: 200, type: null, body: "OK" }],
  ["/Hello", { status: 404, ...EMPTY }],
  ["/error/", { status: 404, ...EMPTY }],
  ["/log/x", { status: 404, ...EMPTY }],
] as const;

test("wasipool run serves the article's pod, tells its routes and log, and drains at Ctrl-C", async (t) => {
  const port = await freePort();
  await using cli = await Cli.start(["run", ARTICLE, "--set-address", `127.0.0.1:${port}`]);
  await cli.until(({ stdout }) => stdout.includes("5/5"));

  for (const [at, wanted] of ROWS) {
    await t.test(`GET ${at} answers ${wanted.status}`, async () => assert.deepEqual(await get(port, at), wanted));
  }
  await t.test("GET /http-example says that the host cannot be reached", async () => {
    const { status, body } = await get(port, "/http-example");
    assert.equal(status, 502);
    assert.match(body, /api\.brigade\.sh gave no answer/);
  });
  await cli.until(({ stdout }) => stdout.includes("Some logging"));
  cli.signal("SIGINT");
  const { code, stdout, stderr } = await cli.ended();

  assert.equal(code, 130);
  assert.match(stdout, new RegExp(`/hello/\\.\\.\\. +http://127\\.0\\.0\\.1:${port}/hello +krustlet-wagi-demo-hello`));
  assert.match(stdout, /krustlet-wagi-demo-log \| Some logging/);
  assert.match(stdout, /krustlet-wagi-demo +krustlet-wagi-demo-hello +3 +0/);
  assert.match(stderr, /Pod krustlet-wagi-demo: spec\.nodeSelector: is ignored/);
});
