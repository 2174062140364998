// Pods that run to an end, through the real command.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Cli, folder, freePort, get, guest } from "./cli.ts";
import { pod } from "./pods.ts";

const IMAGES = ["env", "fail", "ticks", "cat"].flatMap((name) => [
  "--image",
  `e2e.invalid/${name}:v1=${guest(`test/${name}`)}`,
]);

function container(name: string, args: readonly string[] = [], more: object = {}) {
  return { name, image: `e2e.invalid/${name}:v1`, args, ...more };
}

test("wasipool run - reads standard input, runs commands to their end with arguments, environment and volumes", async () => {
  const config = JSON.stringify({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { greeting: "hi there" },
  });
  const env = [{ name: "FROM", valueFrom: { configMapKeyRef: { name: "settings", key: "greeting" } } }];
  const volumeMounts = [{ name: "settings", mountPath: "/config" }];
  const manifest = pod(
    "job",
    [container("env", ["one", "$(FROM)"], { env }), container("cat", ["greeting"], { volumeMounts })],
    { volumes: [{ name: "settings", configMap: { name: "settings" } }] },
  );

  const { code, stdout, stderr } = await Cli.run(["run", "-", ...IMAGES], undefined, `${config}\n---\n${manifest}`);

  assert.equal(code, 0, stderr);
  assert.match(stdout, /env \| arg hi there\n/);
  assert.match(stdout, /env \| env FROM=hi there\n/);
  assert.match(stdout, /cat \| hi there/);
});

test("wasipool run ends with 1 when a command fails and tells its exit code", async () => {
  await using dir = await folder({ "pods/job.yaml": pod("job", [container("fail", ["exit", "3"])]) });

  const { code, stdout } = await Cli.run(["run", "pods", ...IMAGES], dir.path);

  assert.equal(code, 1);
  assert.match(stdout, /job +fail +Error \(exit code 3\)/);
  assert.match(stdout, /fail \| fail: exit/);
});

for (const [way, status, message] of [
  ["trap", /Error \(exit code 134\)/, /unreachable/],
  ["grow", /OOMKilled \(exit code 137\)/, /memory/],
  ["recurse", /Error \(exit code 134\)/, /call stack/i],
] as const) {
  test(`wasipool run tells of a module that fails by ${way}`, async () => {
    await using dir = await folder({ "job.json": pod("job", [container("fail", [way])]) });

    const { code, stdout } = await Cli.run(["run", "job.json", ...IMAGES], dir.path);

    assert.equal(code, 1);
    assert.match(stdout, status);
    assert.match(stdout, message);
  });
}

test("wasipool run runs init containers in order and stops at one that fails", async () => {
  const manifest = pod("job", [container("ticks", ["1"])], {
    initContainers: [container("env", ["first"]), container("fail", ["exit", "4"])],
  });
  await using dir = await folder({ "job.json": manifest });

  const { code, stdout } = await Cli.run(["run", "job.json", ...IMAGES], dir.path);

  assert.equal(code, 1);
  assert.match(stdout, /job +0\/1 +Init:Error/);
  assert.match(stdout, /env \| arg first/);
  assert.doesNotMatch(stdout, /tick 1/);
});

test("wasipool run -o json tells every event as a line of JSON", async () => {
  await using dir = await folder({ "job.json": pod("job", [container("ticks", ["2"])]) });
  await using cli = await Cli.start(["run", "job.json", "-o", "json", ...IMAGES], dir.path);

  const { code } = await cli.ended();

  const { events } = cli;
  const logs = events.filter(({ event }) => event === "log").map(({ text }) => text);
  assert.equal(code, 0);
  assert.deepEqual(logs, ["tick 1", "tick 2"]);
  assert.equal(events.at(-1)?.["event"], "summary");
  assert.ok(events.every(({ time }) => typeof time === "string"));
});

test("wasipool run ends a running command at Ctrl-C with 130", async () => {
  await using dir = await folder({ "job.json": pod("job", [container("ticks", ["600"])]) });
  await using cli = await Cli.start(["run", "job.json", ...IMAGES], dir.path);
  await cli.until(({ stdout }) => stdout.includes("tick 1"));

  cli.signal("SIGINT");
  const { code } = await cli.ended();

  assert.equal(code, 130);
});

test("wasipool run X.wasm --command runs a module once, with folders and variables", async () => {
  await using dir = await folder({ "data/note.txt": "a note\n" });

  const flags = ["--command", "--arg", "note.txt", "--dir", "data:/data:ro"];
  const { code, stdout, stderr } = await Cli.run(["run", guest("test/cat"), ...flags], dir.path);

  assert.equal(code, 0, stderr);
  assert.match(stdout, /cat \| a note/);
});

test("wasipool run drains and sums up when one Ctrl-C arrives twice, as below npm", async () => {
  const port = await freePort();
  await using cli = await Cli.start(["run", guest("test/count"), "--address", `127.0.0.1:${port}`]);
  await cli.until(({ stdout }) => stdout.includes("/..."));
  assert.equal((await get(port, "/")).status, 200);

  cli.signal("SIGINT");
  cli.signal("SIGTERM");
  const { code, stdout } = await cli.ended();

  assert.equal(code, 130);
  assert.match(stdout, /count +count +1 +0/);
});
