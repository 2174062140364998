// What is wrong is said in one message, with exit code 2, before anything starts.
import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { Cli, folder, freePort, get, guest } from "./cli.ts";
import { pod, wagi } from "./pods.ts";

const HELLO = ["--image", `e2e.invalid/hello:v1=${guest("demo/hello")}`];
const hello = { name: "hello", image: "e2e.invalid/hello:v1" };

const CASES: readonly (readonly [name: string, text: string, args: readonly string[], message: RegExp])[] = [
  ["a missing file", "", ["run", "nothing.yaml"], /Cannot read nothing\.yaml: no such file/],
  ["YAML that is none", "a: [", ["run", "pod.yaml"], /pod\.yaml: line 1/],
  [
    "an unknown kind",
    '{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"}}',
    ["run", "pod.yaml"],
    /Service x: kind: Service is not supported/,
  ],
  [
    "an unknown field",
    pod("x", [{ ...hello, imagee: "y" }]),
    ["run", "pod.yaml"],
    /Pod x: spec\.containers\[0\]\.imagee/,
  ],
  [
    "an annotation that is not JSON",
    pod("x", [hello], { annotations: { "alpha.wagi.krustlet.dev/modules": "{" } }),
    ["run", "pod.yaml"],
    /Pod x: .*alpha\.wagi\.krustlet\.dev\/modules/,
  ],
  [
    "an annotation for a container that is not there",
    pod("x", [hello], { annotations: wagi(3000, { other: { route: "/" } }) }),
    ["run", "pod.yaml"],
    /other/,
  ],
  [
    "two equal routes",
    pod("x", [hello, { ...hello, name: "two" }], {
      annotations: wagi(3000, { hello: { route: "/" }, two: { route: "/" } }),
    }),
    ["run", "pod.yaml"],
    /route/,
  ],
  ["a bad flag", "", ["run", "pod.yaml", "--memory", "lots"], /--memory/],
  [
    "a limit outside its bounds",
    pod("x", [hello]),
    ["run", "pod.yaml", "--max-response", "20"],
    /--max-response: 20 is not a whole number from 1024/,
  ],
  ["an unknown limit", "", ["run", "pod.yaml", "--limit", "http.speed=1"], /no limit "http\.speed"/],
  [
    "a module's flag for a manifest",
    pod("x", [hello]),
    ["run", "pod.yaml", "--route", "/x"],
    /--route: only for a \.wasm file/,
  ],
  ["a module that is none", "", ["run", "bad.wasm"], /bad\.wasm is not a valid WebAssembly module/],
  [
    "nothing to run",
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}',
    ["run", "pod.yaml"],
    /nothing to run/,
  ],
];

for (const [name, text, args, message] of CASES) {
  test(`wasipool run refuses ${name}`, async () => {
    await using dir = await folder({ "pod.yaml": text, "bad.wasm": "\0asm\u0001\0\0\0junk" });

    const { code, stderr, stdout } = await Cli.run(args, dir.path);

    assert.equal(code, 2, stdout);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test("a port in use is told with its holder, and the other pods serve", async () => {
  const [taken, free] = [await freePort(), await freePort()];
  const server = net.createServer().listen(taken, "127.0.0.1");
  await once(server, "listening");
  const pods = [
    pod("blocked", [hello], { annotations: wagi(taken, { hello: { route: "/" } }), restartPolicy: "Always" }),
    pod("serving", [hello], { annotations: wagi(free, { hello: { route: "/" } }), restartPolicy: "Always" }),
  ];
  await using cli = await Cli.start(["run", "-", ...HELLO], undefined, pods.join("\n---\n"));

  await cli.until(({ stderr }) => stderr.includes(`127.0.0.1:${taken}`));
  await untilServed(free);
  const answer = await get(free, "/");
  server.close();

  assert.equal(answer.body, "hello world\n");
  await cli.until(({ stdout }) => /serving +1\/1 +Running/.test(stdout));
  assert.match(cli.stderr, new RegExp(`blocked.*127\\.0\\.0\\.1:${taken}: another process listens there`));
});

test("an image that is not there is told by name, and the other pods serve", async () => {
  const port = await freePort();
  const pods = [
    pod("absent", [{ name: "x", image: "webassembly.azurecr.io/nothing:v1" }]),
    pod("serving", [hello], { annotations: wagi(port, { hello: { route: "/" } }), restartPolicy: "Always" }),
  ];
  await using cli = await Cli.start(["run", "-", ...HELLO], undefined, pods.join("\n---\n"));

  await cli.until(({ stderr }) => /absent.*webassembly\.azurecr\.io\/nothing:v1/.test(stderr));
  await untilServed(port);

  assert.equal((await get(port, "/")).status, 200);
});

async function untilServed(port: number): Promise<void> {
  for (;;) {
    const status = await get(port, "/").then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
  }
}
