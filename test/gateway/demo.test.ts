import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, test } from "node:test";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { createEngine, createEpoch } from "../../src/engine/index.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { container, listeningSocket, request } from "../../src/gateway/testing.ts";
import { instrument } from "../../src/wasm/index.ts";

const guests = path.resolve(import.meta.dirname, "../../guests");
const ROUTES = [
  { route: "/hello/...", container: "hello", file: "demo/hello" },
  { route: "/error", container: "error", file: "demo/error" },
  { route: "/log", container: "log", file: "demo/log" },
  { route: "/", container: "index", file: "demo/index" },
  { route: "/echo", container: "echo", file: "test/echo" },
  { route: "/env/...", container: "env", file: "test/env" },
  { route: "/fail", container: "fail", file: "test/fail" },
  { route: "/down/...", container: "down", file: "" },
] as const;

const engine = createEngine({ epoch: createEpoch().memory, clock: systemClock });
const gateway = createGateway({ clock: systemClock, log: silentLogger });
const { fd, port } = listeningSocket();
let stderr = "";
after(async () => {
  await gateway.close();
  await engine.close();
});

gateway.declareRoutes("pod", ROUTES);
for (const { route, container: name, file } of ROUTES) {
  if (file === "") continue;
  const { bytes, layout } = instrument(await readFile(path.join(guests, `${file}.wasm`)));
  const guest = engine.load({ digest: file, module: new WebAssembly.Module(bytes), layout });
  const onStderr = (text: Uint8Array) => void (stderr += Buffer.from(text).toString());
  gateway.serve(
    "pod",
    container(name, route, guest, { onStderr, env: [{ key: "OWN", value: "1" }], args: name === "env" ? ["own"] : [] }),
  );
}
await gateway.listen("pod", fd);

const HTML = "text/html;charset=UTF-8";
const ANSWERS: readonly [target: string, status: number, type: string | undefined, body: string][] = [
  ["/hello", 200, "text/plain", "hello world\n"],
  ["/hello/", 200, "text/plain", "hello world\n"],
  ["/hello/x", 200, "text/plain", "hello world\n"],
  ["/helloworld", 404, undefined, ""],
  ["/Hello", 404, undefined, ""],
  ["/", 200, HTML, "Oh hi world\n"],
  ["/error", 404, "text/plain", "Not Found\n"],
  ["/error/", 404, undefined, ""],
  ["/log", 200, HTML, "Oh hi world\n\n"],
  ["/healthz", 200, undefined, "OK"],
  ["/down/x", 503, undefined, ""],
  ["/hello/%", 400, undefined, ""],
];

for (const [target, status, type, body] of ANSWERS) {
  test(`GET ${target} answers ${status} with the exact body`, async () => {
    const answer = await request(port, target);

    assert.deepEqual([answer.status, answer.headers["content-type"], answer.body], [status, type, body]);
    assert.equal(answer.headers["retry-after"], status === 503 ? "1" : undefined);
  });
}

test("a guest's standard error goes to its container's log", async () => {
  stderr = "";
  await request(port, "/log");

  assert.equal(stderr, "Some logging\n");
});

test("a request's body is the guest's standard input", async () => {
  assert.equal((await request(port, "/echo", { method: "POST", body: "a\nb" })).body, "a\nb");
});

test("a guest that exits with a code answers 500, says so in the log, and the next one is unharmed", async () => {
  stderr = "";
  const failed = await request(port, "/fail?exit&3");

  assert.deepEqual([failed.status, failed.body], [500, ""]);
  assert.match(stderr, /exited with code/);
  assert.equal((await request(port, "/hello")).status, 200);
});

test("a guest sees the CGI environment and its arguments", async () => {
  const headers = ["X-A: 1", "X-A: 2", "Cookie: a", "Cookie: b", "Proxy: p", "Authorization: s", "Content-Type: t/u"];
  const { body } = await request(port, "/env/x%3by?q=1&r", { method: "POST", headers, body: "abc" });
  const lines = body.split("\n").filter((line) => line !== "");
  const env = lines.filter((line) => line.startsWith("env ")).map((line) => line.slice(4));

  assert.deepEqual(
    lines.filter((line) => line.startsWith("arg ")),
    ["arg /env/x%3by", "arg own", "arg q=1", "arg r"],
  );
  assert.deepEqual(env.toSorted(), [
    "AUTH_TYPE=",
    "CONTENT_LENGTH=3",
    "CONTENT_TYPE=t/u",
    "GATEWAY_INTERFACE=CGI/1.1",
    "HTTP_CONTENT_LENGTH=3",
    "HTTP_CONTENT_TYPE=t/u",
    "HTTP_COOKIE=a; b",
    "HTTP_HOST=wagi.test:8080",
    "HTTP_X_A=1, 2",
    "OWN=1",
    "PATH_INFO=/x;y",
    "PATH_TRANSLATED=/x;y",
    "QUERY_STRING=q=1&r",
    "REMOTE_ADDR=127.0.0.1",
    "REMOTE_HOST=127.0.0.1",
    "REMOTE_USER=",
    "REQUEST_METHOD=POST",
    "SCRIPT_NAME=/env",
    "SERVER_NAME=wagi.test",
    "SERVER_PORT=8080",
    "SERVER_PROTOCOL=HTTP/1.1",
    "SERVER_SOFTWARE=WAGI/1",
    "X_FULL_URL=http://wagi.test:8080/env/x%3by?q=1&r",
    "X_MATCHED_ROUTE=/env/...",
    "X_RAW_PATH_INFO=/x%3by",
  ]);
});
