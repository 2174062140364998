// The public suite of WASI preview 1 (WebAssembly/wasi-testsuite, branch prod/testsuite-all) run through the engine, as commands.
// Each with both ways of opening paths. It is not part of this project: WASI_TESTSUITE names a checkout of it.
import assert from "node:assert/strict";
import { closeSync, constants, existsSync, globSync, openSync, readFileSync } from "node:fs";
import { cp, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/index.ts";
import { createEpoch, DEFAULT_GUEST_LIMITS, runCommand, startTicker } from "../../src/engine/index.ts";
import { kernelDecides, type OpenBeneath, walkBeneath } from "../../src/wasi/files/index.ts";
import { createPreview1Host } from "../../src/wasi/index.ts";
import { instrument } from "../../src/wasm/index.ts";

interface Expectation {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folders beside the test, each a preopen of that name. */
  readonly dirs?: readonly string[];
  readonly exit_code?: number;
  readonly stdout?: string;
}

const suite = process.env["WASI_TESTSUITE"] ?? "";
const files = suite === "" ? [] : globSync("tests/*/testsuite/wasm32-wasip1/*.wasm", { cwd: suite }).toSorted();

test("the public WASI preview 1 suite is there", { skip: suite === "" ? "WASI_TESTSUITE is not set" : false }, () => {
  assert.equal(files.length, 72);
});

for (const [way, openBeneath] of Object.entries({ kernelDecides, walkBeneath })) {
  for (const file of files) suiteTest(file, way, openBeneath);
}

function suiteTest(file: string, way: string, openBeneath: OpenBeneath): void {
  test(`${file.replace(/^tests\//, "").replace("/testsuite/wasm32-wasip1", "")} (${way})`, async () => {
    await using scratch = await mkdtempDisposable(path.join(tmpdir(), "wasipool-wasi-"));
    const wanted = expectationOf(path.join(suite, file));

    const { exitCode, message, stdout } = await run(path.join(suite, file), wanted, scratch.path, openBeneath);

    assert.equal(exitCode, wanted.exit_code ?? 0, message);
    if (wanted.stdout !== undefined) assert.equal(stdout, wanted.stdout);
  });
}

function expectationOf(file: string): Expectation {
  const beside = file.replace(/\.wasm$/, ".json");
  return existsSync(beside) ? (JSON.parse(readFileSync(beside, "utf8")) as Expectation) : {};
}

async function run(
  file: string,
  { args = [], env = {}, dirs = [] }: Expectation,
  scratch: string,
  openBeneath: OpenBeneath,
) {
  const { bytes, layout } = instrument(readFileSync(file));
  const epoch = createEpoch().memory;
  await using _ = startTicker(epoch);
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  const preopens = await Promise.all(
    dirs.map(async (dir) => {
      const copy = path.join(scratch, dir);
      await cp(path.join(path.dirname(file), dir), copy, { recursive: true, verbatimSymlinks: true });
      return { guestPath: dir, fd: openSync(copy, constants.O_RDONLY | constants.O_DIRECTORY), readOnly: false };
    }),
  );
  try {
    const exit = await runCommand(
      { digest: file, module: new WebAssembly.Module(bytes), layout },
      DEFAULT_GUEST_LIMITS,
      {
        args: [path.basename(file), ...args].map((each) => Buffer.from(each)),
        env: Object.entries(env).map(([key, value]) => Buffer.from(`${key}=${value}`)),
        stdin: { read: () => new Uint8Array(0) },
        stdout: { write: (chunk) => void output.push(Buffer.from(chunk)) },
        stderr: { write: (chunk) => void errors.push(Buffer.from(chunk)) },
        preopens,
      },
      { epoch, clock: systemClock, testing: { wasi: (options) => createPreview1Host({ ...options, openBeneath }) } },
    );
    const said = Buffer.concat(errors).toString();
    return { ...exit, message: `${exit.message} ${said}`, stdout: Buffer.concat(output).toString() };
  } finally {
    for (const { fd } of preopens) closeSync(fd);
  }
}
