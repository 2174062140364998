// `--watch`: changes reach clients without one failed request.
import assert from "node:assert/strict";
import { copyFile, rename, writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";
import { Cli, folder, freePort, get, guest } from "./cli.ts";
import { pod, wagi } from "./pods.ts";

const image = "e2e.invalid/web:latest";

function manifest(port: number, route: string): string {
  return pod("web", [{ name: "web", image }], { annotations: wagi(port, { web: { route } }), restartPolicy: "Always" });
}

/** Asks again and again, half of it on kept connections, until stopped; counts answers by their body, and failures. */
function load(port: number, at: string) {
  const bodies = new Map<string, number>();
  const failures: string[] = [];
  const over = new AbortController();
  const agents = [new http.Agent({ keepAlive: true, maxSockets: 1 }), new http.Agent({ keepAlive: false })];
  const client = async (agent: http.Agent) => {
    while (!over.signal.aborted) {
      try {
        const { status, body } = await ask(agent, port, at);
        if (status === 200) bodies.set(body, (bodies.get(body) ?? 0) + 1);
        else failures.push(`${status} ${body}`);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  const done = Promise.all([...agents, ...agents].map((agent) => client(agent)));
  return {
    bodies,
    failures,
    async stop() {
      over.abort();
      await done;
      for (const agent of agents) agent.destroy();
    },
  };
}

function ask(agent: http.Agent, port: number, at: string): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const request = http.get({ agent, port, host: "127.0.0.1", path: at }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (text: string) => (body += text));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    response.on("error", reject);
  });
  request.on("error", reject);
  return promise;
}

test("wasipool run --watch exchanges a module and a manifest under load without a failed request", async () => {
  const port = await freePort();
  await using dir = await folder({ "pod.json": manifest(port, "/hello/...") });
  const module = path.join(dir.path, "web.wasm");
  await copyFile(guest("demo/hello"), module);
  await using cli = await Cli.start(["run", "pod.json", "--watch", "--image", `${image}=web.wasm`], dir.path);
  await cli.until(({ stdout }) => stdout.includes("1/1"));
  const clients = load(port, "/hello/x");

  await untilBody(port, "/hello/x", "hello world\n");
  await copyFile(guest("demo/index"), `${module}.new`);
  await rename(`${module}.new`, module);
  await untilBody(port, "/hello/x", "Oh hi world\n");
  await writeFile(path.join(dir.path, "pod.json"), manifest(port, "/..."));
  await untilBody(port, "/other", "Oh hi world\n");
  await clients.stop();

  assert.deepEqual(clients.failures, []);
  assert.ok((clients.bodies.get("hello world\n") ?? 0) > 0);
  assert.ok((clients.bodies.get("Oh hi world\n") ?? 0) > 0);
});

test("wasipool run --watch tells what is wrong with a change and goes on with what runs", async () => {
  const port = await freePort();
  await using dir = await folder({ "pod.json": manifest(port, "/...") });
  await using cli = await Cli.start(
    ["run", "pod.json", "--watch", "--image", `${image}=${guest("demo/hello")}`],
    dir.path,
  );
  await cli.until(({ stdout }) => stdout.includes("1/1"));

  await writeFile(path.join(dir.path, "pod.json"), "{");
  await cli.until(({ stderr }) => stderr.includes("what runs goes on"));

  assert.equal((await get(port, "/")).body, "hello world\n");
});

async function untilBody(port: number, at: string, body: string): Promise<void> {
  while ((await get(port, at)).body !== body);
}
