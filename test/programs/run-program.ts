import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "../../src/base/index.ts";
import {
  createEngine,
  createEpoch,
  DEFAULT_GUEST_LIMITS,
  type PreparedModule,
  runCommand,
} from "../../src/engine/index.ts";
import type { ByteSource } from "../../src/wasi/index.ts";
import { instrument } from "../../src/wasm/index.ts";

/** Where the built programs lie. */
export const PROGRAMS = path.resolve(import.meta.dirname, "../../guests/programs");

/** What a program did. `output` is what it left in `/data/output.txt`, nothing when there is no such file. */
export interface Visit {
  readonly exitCode: number;
  readonly message: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string | undefined;
}

/** Runs a program as a command that has arguments, a variable, input and a folder `/data` with `input.txt`. */
export async function runAsCommand(file: string): Promise<Visit> {
  const root = mkdtempSync(path.join(tmpdir(), "wasipool-programs-"));
  const data = path.join(root, "data");
  mkdirSync(data);
  writeFileSync(path.join(data, "input.txt"), "hello");
  const fd = openSync(data, constants.O_RDONLY | constants.O_DIRECTORY);
  const [stdout, stderr] = [new Output(), new Output()];
  try {
    const exit = await runCommand(
      prepareFile(file),
      DEFAULT_GUEST_LIMITS,
      {
        args: texts("program", "one", "two three"),
        env: texts("GREETING=good day"),
        stdin: input("from stdin\n"),
        stdout,
        stderr,
        preopens: [{ guestPath: "/data", fd, readOnly: false }],
      },
      { epoch: createEpoch().memory, clock: systemClock },
    );
    const { exitCode, message } = exit;
    return { exitCode, message, stdout: stdout.text, stderr: stderr.text, output: outputIn(data) };
  } finally {
    closeSync(fd);
    rmSync(root, { recursive: true });
  }
}

/** Runs a program as WAGI does, twice on one engine; answers what it printed each time, and how it ended (its processor time as 0). */
export async function runAsHandler(file: string): Promise<readonly (readonly [string, unknown])[]> {
  await using engine = createEngine({ epoch: createEpoch().memory, clock: systemClock });
  const guest = engine.load(prepareFile(file), DEFAULT_GUEST_LIMITS);
  const answers: (readonly [string, unknown])[] = [];
  for (const query of ["first", "second"]) {
    const stdout = new Output();
    const outcome = await guest.run({
      entrypoint: "_start",
      args: texts("/hello"),
      env: texts("REQUEST_METHOD=POST", "PATH_INFO=/path", `QUERY_STRING=${query}`),
      stdin: input("a body\n"),
      stdout,
      stderr: new Output(),
      preopens: [],
      account: { id: "program", weight: 100, cpuMs: 0 },
      deadlineMs: Infinity,
    });
    answers.push([stdout.text, { ...outcome, cpuMs: 0 }]);
  }
  return answers;
}

class Output {
  readonly #chunks: Buffer[] = [];

  write(bytes: Uint8Array): void {
    this.#chunks.push(Buffer.from(bytes));
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

function prepareFile(file: string): PreparedModule {
  const { bytes, layout } = instrument(readFileSync(file));
  return { digest: `sha256:${path.basename(file)}`, module: new WebAssembly.Module(bytes), layout };
}

function texts(...values: readonly string[]): Uint8Array[] {
  return values.map((value) => Buffer.from(value));
}

function input(text: string): ByteSource {
  let rest = Buffer.from(text);
  return {
    read: (max) => {
      const taken = rest.subarray(0, max);
      rest = rest.subarray(taken.length);
      return taken;
    },
  };
}

function outputIn(folder: string): string | undefined {
  try {
    return readFileSync(path.join(folder, "output.txt"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
