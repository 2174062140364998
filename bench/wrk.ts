import { spawn } from "node:child_process";

/** One run of wrk against a URL. */
export interface Load {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were not 2xx or 3xx, and socket errors. */
  readonly errors: number;
}

export interface LoadOptions {
  readonly seconds: number;
  /** @default 32 */
  readonly connections?: number;
  /** Lua script that makes the requests: a body, a new connection each time. */
  readonly script?: string;
}

/** Puts load on a URL with wrk, one thread. Rejects when wrk is missing: `apt-get install wrk`. */
export async function wrk(url: string, { seconds, connections = 32, script }: LoadOptions): Promise<Load> {
  const args = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    "--timeout",
    "5s",
    ...(script ? ["-s", script] : []),
    url,
  ];
  const text = await output("wrk", args);
  return {
    rps: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? Number.NaN),
    p50Ms: milliseconds(/\s50%\s+([\d.]+)(us|ms|s)/.exec(text)),
    p99Ms: milliseconds(/\s99%\s+([\d.]+)(us|ms|s)/.exec(text)),
    errors:
      Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0) +
      [...(/Socket errors: (.*)/.exec(text)?.[1] ?? "").matchAll(/\d+/g)].reduce((sum, [n]) => sum + Number(n), 0),
  };
}

function milliseconds(match: RegExpExecArray | null): number {
  const factor = { us: 1e-3, ms: 1, s: 1e3 }[match?.[2] ?? ""];
  return factor === undefined ? Number.NaN : Number(match?.[1]) * factor;
}

function output(command: string, args: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.on("error", (cause) => reject(new Error(`Cannot run ${command}: apt-get install ${command}`, { cause })));
  child.on("close", (code) =>
    code === 0 ? resolve(text) : reject(new Error(`${command} ended with ${code}: ${text}`)),
  );
  return promise;
}
