import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Command, CommanderError } from "commander";
import type { CommandContext } from "../context.ts";
import { Failure } from "../failure.ts";
import { registerImageCommands } from "../image/index.ts";
import { registerInspectCommand } from "./index.ts";

const GUESTS = path.resolve(import.meta.dirname, "../../../guests");

interface Answer {
  readonly code: number;
  readonly out: string;
}

/** A user with an empty home folder, in which the commands run. */
async function user() {
  const folder = await mkdtempDisposable(path.join(os.tmpdir(), "wasipool-inspect-test-"));
  return {
    folder: folder.path,
    wasipool: (...argv: readonly string[]) => run(argv, folder.path),
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

async function run(argv: readonly string[], cwd: string): Promise<Answer> {
  const out: string[] = [];
  const context: CommandContext = {
    terminal: {
      out: (text) => void out.push(text),
      err: () => {},
      draw: () => {},
      isInteractive: false,
      columns: 80,
      paint: (_, text) => text,
    },
    stdin: Readable.from([]),
    env: { HOME: cwd },
    cwd,
    packageRoot: cwd,
    version: "0.0.0",
    interrupted: new AbortController().signal,
    exitWith: () => {},
  };
  const program = new Command("wasipool").exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
  registerInspectCommand(program, context);
  registerImageCommands(program, context);
  try {
    await program.parseAsync(argv, { from: "user" });
    return { code: 0, out: out.join("\n") };
  } catch (error) {
    assert.ok(error instanceof Failure || error instanceof CommanderError, String(error));
    return { code: error.exitCode, out: error.message };
  }
}

test("inspect tells what a module is, what it imports and exports, and that it runs here", async () => {
  await using ada = await user();

  const { code, out } = await ada.wasipool("inspect", path.join(GUESTS, "demo/http-example.wasm"));

  assert.equal(code, 0);
  assert.match(out, /^Kind +module$/m);
  assert.match(out, /^WASI +preview1$/m);
  assert.match(out, /^Size +\d[\d.]* \w+$/m);
  assert.match(out, /^Memory +\d+\.?\d* KiB to no maximum$/m);
  assert.match(out, /^Entry points +_start$/m);
  assert.match(out, /^Instances +used again$/m);
  assert.match(out, /^Runs here +yes$/m);
  assert.match(out, /^wasi_experimental_http\.req +function +yes$/m);
  assert.match(out, /^wasi_snapshot_preview1\.fd_write +function +yes$/m);
  assert.match(out, /^_start +function +yes$/m);
  assert.match(out, /^memory +memory +no$/m);
  assert.doesNotMatch(out, /^Routes/m);
});

test("inspect asks a module that prints its routes for them", async () => {
  await using ada = await user();

  const { code, out } = await ada.wasipool("inspect", path.join(GUESTS, "test/routes.wasm"), "-o", "json");

  assert.equal(code, 0, out);
  const [{ ownRoutes, module }] = JSON.parse(out) as [{ ownRoutes: unknown; module: { problems: unknown } }];
  assert.deepEqual(module.problems, []);
  assert.deepEqual(ownRoutes, {
    routes: [
      { route: "/main", entrypoint: "_start" },
      { route: "/wildcard/...", entrypoint: "on_wildcard" },
      { route: "/exact", entrypoint: "on_exact" },
    ],
  });
});

/** A module of these sections, each given as hexadecimal digits. */
function moduleOf(...sections: readonly string[]): Buffer {
  return Buffer.from(`0061736d01000000${sections.join("")}`, "hex");
}

const NO_PARAMETERS = "010401600000";
const ONE_FUNCTION = "03020100";
const EXPORTS = { start: "070a01065f73746172740000", routes: "070b01075f726f757465730000" };
const CODE = { empty: "0a040102000b", trap: "0a05010300000b", broken: "0a05010300450b" };

interface Told {
  readonly name: string;
  readonly bytes: Buffer;
  readonly lines: readonly RegExp[];
}

const TOLD: readonly Told[] = [
  {
    name: "a small module",
    bytes: moduleOf(NO_PARAMETERS, ONE_FUNCTION, EXPORTS.start, CODE.empty),
    lines: [/^WASI +none$/m, /^Memory +none$/m, /^Size +36 B$/m, /^Runs here +yes$/m],
  },
  {
    name: "a text",
    bytes: Buffer.from("#!/bin/sh\n"),
    lines: [/^Kind +not-wasm$/m, /^Runs here +no: It is not WebAssembly/m],
  },
  {
    name: "a component",
    bytes: Buffer.from("0061736d0d000100", "hex"),
    lines: [/^Kind +component$/m, /^WASI +preview2 or later$/m, /^Runs here +no: It is a component/m],
  },
  {
    name: "a module cut short",
    bytes: moduleOf(NO_PARAMETERS, ONE_FUNCTION, EXPORTS.start, CODE.empty).subarray(0, 30),
    lines: [/^Kind +module$/m, /^Runs here +no: Malformed module: /m],
  },
  {
    name: "a module whose code is invalid",
    bytes: moduleOf(NO_PARAMETERS, ONE_FUNCTION, EXPORTS.start, CODE.broken),
    lines: [/^Entry points +_start$/m, /^Runs here +no: /m],
  },
  {
    name: "a module without anything to call",
    bytes: moduleOf(),
    lines: [/^Entry points +none$/m, /^Runs here +no: It exports no function without parameters and results/m],
  },
  {
    name: "a module that imports what is not there",
    bytes: moduleOf(NO_PARAMETERS, "02090103656e7601660000", "07050101730000"),
    lines: [
      /^Imports +1, 1 of them unknown here$/m,
      /^env\.f +function +missing$/m,
      /^Runs here +no: It imports what this runtime does not have: env\.f$/m,
    ],
  },
  {
    name: "a module whose routes trap",
    bytes: moduleOf(NO_PARAMETERS, ONE_FUNCTION, EXPORTS.routes, CODE.trap),
    lines: [/^Routes +none: _routes trapped: unreachable/m, /^Runs here +yes$/m],
  },
];

for (const { name, bytes, lines } of TOLD) {
  test(`inspect tells about ${name}`, async () => {
    await using ada = await user();
    await writeFile(path.join(ada.folder, "x.wasm"), bytes);

    const { code, out } = await ada.wasipool("inspect", "x.wasm");

    assert.equal(code, 0, out);
    for (const line of lines) assert.match(out, line);
  });
}

test("inspect pulls an image that the store does not have; image inspect does not", async () => {
  await using ada = await user();
  const file = path.join(GUESTS, "demo/hello.wasm");
  await ada.wasipool("image", "push", file, "oci:layout:team/hello:v1");
  const image = "example.invalid/team/hello:v1";
  const mirror = ["--mirror", "example.invalid=layout"];

  const before = await ada.wasipool("image", "inspect", image, ...mirror);
  const pulled = await ada.wasipool("inspect", image, ...mirror);
  const after = await ada.wasipool("image", "inspect", image, "-o", "json");

  assert.deepEqual([before.code, pulled.code, after.code], [1, 0, 0]);
  assert.match(before.out, /pull it first: wasipool image pull example\.invalid\/team\/hello:v1$/);
  assert.match(pulled.out, /^Tags +example\.invalid\/team\/hello:v1$/m);
  assert.match(pulled.out, /^Digest +sha256:[0-9a-f]{64}$/m);
  assert.match(pulled.out, /^Runs here +yes$/m);
  assert.match(after.out, /"kind": "module"/);
});

for (const [argv, code, message] of [
  [["none.wasm"], 2, /^Cannot read none\.wasm: there is no such file$/],
  [["./none"], 2, /there is no such file$/],
  [["Not A Reference"], 2, /^Cannot parse image reference/],
  [["example.invalid/a:v1", "--mirror", "example.invalid=layout"], 1, /layout/],
  [[`sha256:${"0".repeat(64)}`], 1, /^The store has no image sha256:0+; pull it first/],
  [[], 1, /missing required argument/],
] as const) {
  test(`inspect refuses ${argv.join(" ") || "no argument"}`, async () => {
    await using ada = await user();

    const answer = await ada.wasipool("inspect", ...argv);

    assert.equal(answer.code, code);
    assert.match(answer.out, message);
  });
}
