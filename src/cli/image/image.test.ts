import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { mkdtempDisposable } from "node:fs/promises";
import { test } from "node:test";
import { Command, CommanderError } from "commander";
import { parse } from "yaml";
import type { CommandContext } from "../context.ts";
import { Failure } from "../failure.ts";
import { registerImageCommands } from "./index.ts";
import { parseLocation } from "./location.ts";
import { defaultImageRoot, dockerConfigFile } from "./user-folders.ts";

const MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A user with a home folder and a module in it. */
async function user(env: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtempDisposable(path.join(os.tmpdir(), "wasipool-image-cli-"));
  await writeFile(path.join(folder.path, "hello.wasm"), MODULE);
  const wasipool = (...argv: readonly string[]) => run(["image", ...argv], folder.path, env);
  return { folder: folder.path, wasipool, [Symbol.asyncDispose]: () => folder.remove() };
}

async function run(argv: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<Answer> {
  const out: string[] = [];
  const err: string[] = [];
  const context: CommandContext = {
    terminal: {
      out: (text) => void out.push(text),
      err: (text) => void err.push(text),
      draw: (text) => void err.push(text),
      isInteractive: false,
      columns: 80,
      paint: (_, text) => text,
    },
    stdin: Readable.from([]),
    env: { HOME: cwd, PATH: process.env["PATH"] ?? "", ...env },
    cwd,
    packageRoot: cwd,
    version: "0.0.0",
    interrupted: new AbortController().signal,
    exitWith: () => {},
  };
  const program = new Command("wasipool")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void out.push(text), writeErr: (text) => void err.push(text) });
  registerImageCommands(program, context);
  try {
    await program.parseAsync(argv, { from: "user" });
    return { code: 0, out: out.join("\n"), err: err.join("") };
  } catch (error) {
    const code =
      error instanceof Failure ? error.exitCode : error instanceof CommanderError && error.exitCode === 0 ? 0 : 2;
    assert.ok(error instanceof Failure || error instanceof CommanderError, String(error));
    return { code, out: out.join("\n"), err: `${err.join("")}${error.message}` };
  }
}

test("image push, pull, ls, inspect, rm and copy work together through a layout", async () => {
  await using ada = await user();
  const mirror = ["--mirror", "example.invalid=layout"];

  const pushed = await ada.wasipool("push", "hello.wasm", "oci:layout:team/hello:v1", "-o", "json");
  assert.equal(pushed.code, 0, pushed.err);
  const [{ digest }] = JSON.parse(pushed.out) as [{ digest: string }];

  const pulled = await ada.wasipool("pull", "example.invalid/team/hello:v1", ...mirror, "-o", "yaml");
  assert.equal(pulled.code, 0, pulled.err);
  assert.equal((parse(pulled.out) as [{ digest: string }])[0].digest, digest);

  const listed = await ada.wasipool("ls");
  assert.match(
    listed.out,
    /^NAME +DIGEST +KIND +MODULE +TOTAL +PULLED\nexample\.invalid\/team\/hello:v1 +sha256:[0-9a-f]{12} +module +8 B /,
  );
  const [{ tags }] = JSON.parse((await ada.wasipool("ls", "-o", "json")).out) as [{ tags: string[] }];
  assert.deepEqual(tags, ["example.invalid/team/hello:v1"]);

  const inspected = await ada.wasipool("inspect", "example.invalid/team/hello:v1");
  assert.match(inspected.out, new RegExp(`Digest +${digest}\\n`));
  assert.match(inspected.out, /Runs here +no: It exports no function/);

  const copied = await ada.wasipool("copy", "store:example.invalid/team/hello:v1", "oci:other");
  assert.equal(copied.code, 0, copied.err);
  const back = await ada.wasipool("copy", "oci:other", "store:example.invalid/again:v2");
  assert.equal(back.code, 0, back.err);
  assert.equal((await ada.wasipool("ls")).out.split("\n").length, 3);

  const removed = await ada.wasipool("rm", "example.invalid/team/hello:v1", "example.invalid/again:v2");
  assert.equal(removed.code, 0, removed.err);
  assert.match(removed.out, /again:v2 +yes/);
  assert.deepEqual(await readdir(path.join(ada.folder, ".local/share/wasipool/images/blobs/sha256")), []);
});

test("image push and pull use the credentials of docker login", async () => {
  const seen: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    request.resume();
    if (request.url !== "/v2/") seen.push(request.headers.authorization);
    if (request.url !== "/v2/" && request.headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
    } else response.writeHead(403).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using ada = await user();
  await mkdir(path.join(ada.folder, ".docker"));
  const auth = Buffer.from("ada:s3cret").toString("base64");
  await writeFile(path.join(ada.folder, ".docker/config.json"), JSON.stringify({ auths: { [host]: { auth } } }));

  const pulled = await ada.wasipool("pull", `${host}/app:v1`);
  const pushed = await ada.wasipool("push", "hello.wasm", `${host}/app:v1`);
  server.closeAllConnections();
  server.close();

  assert.equal(pulled.code, 1);
  assert.match(pulled.err, /answered 403; the credentials that were sent may not do this/);
  assert.equal(pushed.code, 1);
  assert.ok(seen.includes(`Basic ${auth}`));
  assert.doesNotMatch(pulled.err + pushed.err, /s3cret|YWRh/);
});

const REFUSED: readonly (readonly [readonly string[], number, RegExp])[] = [
  [["pull", "Hello"], 2, /must be in lower case/],
  [["pull", "example.invalid/a:v1", "--policy", "Never"], 1, /is not in the store/],
  [["pull", "example.invalid/a:v1", "--policy", "Sometimes"], 2, /Allowed choices are Always, IfNotPresent, Never/],
  [["pull", "example.invalid/a:v1", "--mirror", "nothing"], 2, /Cannot read mirror "nothing"/],
  [["push", "none.wasm", "example.invalid/a:v1"], 2, /Cannot read none\.wasm: ENOENT/],
  [["push", ".", "example.invalid/a:v1"], 2, /it is no file/],
  [["push", "hello.wasm", "oci:layout:a", "--max-layer-size", "7"], 2, /it is larger than 7 B/],
  [["push", "hello.wasm", "oci:layout:a", "--max-layer-size", "much"], 2, /Give whole bytes or a size/],
  [["push", "text.wasm", "oci:layout:a"], 1, /no WebAssembly module: it begins with 68 65 6c 6c 6f/],
  [["push", "broken.wasm", "oci:layout:a"], 2, /begins like a WebAssembly module but is not a valid one/],
  [["push", "hello.wasm", "store:a"], 2, /not to the store/],
  [["push", "hello.wasm"], 2, /missing required argument 'reference'/],
  [["rm", "example.invalid/a:v1"], 1, /The store has no image example\.invalid\/a:v1; see: wasipool image ls/],
  [["inspect", "none.wasm"], 2, /there is no such file/],
  [["inspect", "example.invalid/a:v1"], 1, /pull it first: wasipool image pull example/],
  [["copy", "oci:", "oci:x"], 2, /write oci:FOLDER/],
  [["copy", "oci:none", "oci:x"], 1, /an OCI image layout is a folder with/],
  [["copy", "store:a", "oci:x"], 1, /is not in the store/],
  [
    ["ls", "--root", "hello.wasm"],
    1,
    /The image store at .* cannot open its folder: EEXIST: a file is where a folder should be/,
  ],
];
for (const [argv, code, why] of REFUSED) {
  test(`image ${argv.join(" ")} ends with ${code}`, async () => {
    await using ada = await user();
    await writeFile(path.join(ada.folder, "text.wasm"), "hello");
    await writeFile(path.join(ada.folder, "broken.wasm"), Buffer.concat([MODULE, Buffer.from("rest")]));

    const answer = await ada.wasipool(...argv);

    assert.equal(answer.code, code, answer.err);
    assert.match(answer.err, why);
    assert.equal(answer.out, "");
  });
}

test("image commands say what is wrong with the user's credentials", async () => {
  await using ada = await user({ DOCKER_CONFIG: "docker" });
  await using bob = await user();
  await mkdir(path.join(bob.folder, ".docker"));
  await writeFile(path.join(bob.folder, ".docker/config.json"), "{");

  assert.equal((await ada.wasipool("ls")).code, 0);
  const answer = await bob.wasipool("ls");

  assert.equal(answer.code, 1);
  assert.match(answer.err, /Cannot read the registry credentials in .*config\.json: it is not JSON/);
});

test("image inspect tells about a file", async () => {
  await using ada = await user();

  const { out } = await ada.wasipool("inspect", "hello.wasm", "-o", "json");

  const [{ subject, module }] = JSON.parse(out) as [{ subject: string; module: { kind: string; problems: string[] } }];
  assert.deepEqual(
    [subject, module.kind, module.problems],
    ["hello.wasm", "module", ["It exports no function without parameters and results, so there is nothing to call"]],
  );
});

test("every image verb has help with an example", async () => {
  await using ada = await user();
  for (const verb of ["push", "pull", "ls", "inspect", "rm", "copy"]) {
    const { code, out } = await ada.wasipool(verb, "--help");
    assert.equal(code, 0);
    assert.match(out, new RegExp(`Examples?:\\n  wasipool image ${verb} `));
  }
});

test("parseLocation() reads registries, layouts and the store", () => {
  assert.deepEqual(parseLocation("oci:a/b:c:d", "/w"), { kind: "layout", folder: "/w/a/b", name: "c:d" });
  assert.deepEqual(parseLocation("oci:a", "/w"), { kind: "layout", folder: "/w/a", name: "" });
  assert.equal(parseLocation("store:hello", "/w").kind, "store");
  assert.equal(parseLocation("hello", "/w").kind, "registry");
});

test("the user's folders follow the environment", () => {
  assert.equal(defaultImageRoot({ HOME: "/h" }), "/h/.local/share/wasipool/images");
  assert.equal(defaultImageRoot({ HOME: "/h", XDG_DATA_HOME: "/d" }), "/d/wasipool/images");
  assert.equal(dockerConfigFile({ HOME: "/h" }), "/h/.docker/config.json");
  assert.equal(dockerConfigFile({ HOME: "/h", DOCKER_CONFIG: "/c" }), "/c/config.json");
});

test("image push writes a layout that a reader of its own finds whole", async () => {
  await using ada = await user();

  await ada.wasipool("push", "hello.wasm", "oci:layout:hello", "--format", "wasm-to-oci");

  const index = JSON.parse(await readFile(path.join(ada.folder, "layout/index.json"), "utf8")) as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  assert.deepEqual(
    index.manifests.map(({ annotations }) => annotations),
    [{ "org.opencontainers.image.ref.name": "hello" }],
  );
  assert.equal((await readdir(path.join(ada.folder, "layout/blobs/sha256"))).length, 3);
});
