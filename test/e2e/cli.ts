// Starts the real command as a process of its own, with an empty home, and reads what it says.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..", "..");
const MAIN = path.join(root, "src", "cli", "main.ts");

/** Modules of this repository by their path below guests/. */
export function guest(name: string): string {
  return path.join(root, "guests", `${name}.wasm`);
}

export const ARTICLE = path.join(root, "examples", "wasi-example.yaml");

/** A folder with files, gone with its test. */
export async function folder(files: Readonly<Record<string, string>> = {}) {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-e2e-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(dir.path, name)), { recursive: true });
    await writeFile(path.join(dir.path, name), text);
  }
  return { path: dir.path, [Symbol.asyncDispose]: () => dir.remove() };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the command. Disposing it ends the process. */
export class Cli implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #home: Awaited<ReturnType<typeof folder>>;
  readonly #closed: Promise<number | null>;
  #stdout = "";
  #stderr = "";
  #changed = Promise.withResolvers<void>();

  private constructor(child: ChildProcess, home: Awaited<ReturnType<typeof folder>>, stdin: string) {
    this.#child = child;
    this.#home = home;
    this.#closed = once(child, "close").then(([code]) => {
      this.#tell();
      return code as number | null;
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#tell();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#tell();
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  }

  static async start(args: readonly string[], cwd: string = root, stdin = ""): Promise<Cli> {
    const home = await folder();
    const { PATH, NODE_V8_COVERAGE } = process.env;
    const env = {
      PATH,
      HOME: home.path,
      NO_COLOR: "1",
      ...(NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE }),
    };
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], { cwd, env });
    return new Cli(child, home, stdin);
  }

  /** Runs to its end. */
  static async run(args: readonly string[], cwd?: string, stdin?: string): Promise<Ended> {
    await using cli = await Cli.start(args, cwd, stdin);
    return await cli.ended();
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Events of `-o json`, as far as they were told. */
  get events(): readonly Readonly<Record<string, unknown>>[] {
    const lines = this.#stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  }

  /** Resolves once `holds`, looked at after each output; throws when the process ends before. */
  async until(holds: (cli: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.#child.exitCode !== null) throw new Error(`Ended before: ${this.#stdout}\n${this.#stderr}`);
      await this.#changed.promise;
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async ended(): Promise<Ended> {
    const code = await this.#closed;
    return { code, stdout: this.#stdout, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGINT");
    await this.#closed;
    await this.#home[Symbol.asyncDispose]();
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve();
  }
}

export interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

/** One request on a connection of its own. */
export async function get(port: number, at: string): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${at}`, { headers: { connection: "close" } });
  return { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
}
