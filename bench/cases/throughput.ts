import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Server, startPod, startRaw } from "../servers.ts";
import { median } from "../statistics.ts";
import { type Load, type LoadOptions, wrk } from "../wrk.ts";

/** One line of the bench table: a ratio, what it should reach, and the figures behind it. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What the foundation's issue asks for, in words. */
  readonly wanted: string;
  readonly detail: string;
}

export interface BenchSettings {
  /** Seconds of load in one measurement. */
  readonly seconds: number;
  /** Measurements of each side, taken in turns. */
  readonly rounds: number;
  readonly scratch: string;
}

/** Requests per second of WAGI modules against node:http answering the same bytes, in turns within one run. */
export async function throughput(settings: BenchSettings): Promise<Figure[]> {
  await using raw = await startRaw();
  const figures: Figure[] = [];
  for (const { name, file, wanted } of [
    { name: "hello (1 page)", file: "demo/hello.wasm", wanted: ">= 1.0" },
    { name: "hello (17 pages)", file: "test/hello-17-pages.wasm", wanted: ">= 0.4" },
    { name: "hello (16 MiB)", file: "test/hello-16-mib.wasm", wanted: ">= 0.35" },
  ]) {
    await using pod = await startPod({ modules: { hello: { file, route: "/hello" } }, port: 18_080 });
    const [ours, theirs] = await inTurns(settings, pod, raw, "/hello", {});
    figures.push(ratio(`${name}, against raw node:http`, wanted, ours, theirs));
    if (file.startsWith("demo")) figures.push(tail(ours, theirs));
  }
  figures.push(await echo(settings, raw));
  return figures;
}

async function echo(settings: BenchSettings, raw: Server): Promise<Figure> {
  const script = path.join(settings.scratch, "post.lua");
  await writeFile(script, 'wrk.method = "POST"\nwrk.body = string.rep("x", 10240)\n');
  await using pod = await startPod({ modules: { echo: { file: "test/echo.wasm", route: "/echo" } }, port: 18_080 });
  const [ours, theirs] = await inTurns(settings, pod, raw, "/echo", { script });
  return ratio("POST of 10 KB echoed, against node:http", ">= 0.7", ours, theirs);
}

async function inTurns(
  { seconds, rounds }: BenchSettings,
  a: Server,
  b: Server,
  at: string,
  options: Omit<LoadOptions, "seconds">,
): Promise<readonly [readonly Load[], readonly Load[]]> {
  const loads: [Load[], Load[]] = [[], []];
  for (const side of [a, b]) await wrk(side.url(at), { seconds: 1, ...options });
  for (let round = 0; round < rounds; round++) {
    loads[0].push(await wrk(a.url(at), { seconds, ...options }));
    loads[1].push(await wrk(b.url(at), { seconds, ...options }));
  }
  return loads;
}

function ratio(name: string, wanted: string, ours: readonly Load[], theirs: readonly Load[]): Figure {
  const rps = (loads: readonly Load[]) => median(loads.map((load) => load.rps));
  const errors = ours.reduce((sum, load) => sum + load.errors, 0);
  const detail = `${Math.round(rps(ours))} / ${Math.round(rps(theirs))} rps${errors > 0 ? `, ${errors} ERRORS` : ""}`;
  return { name, value: rps(ours) / rps(theirs), unit: "x", wanted, detail };
}

function tail(ours: readonly Load[], theirs: readonly Load[]): Figure {
  const p99 = (loads: readonly Load[]) => median(loads.map((load) => load.p99Ms));
  const detail = `${p99(ours).toFixed(2)} / ${p99(theirs).toFixed(2)} ms`;
  return {
    name: "hello (1 page), p99 against raw",
    value: p99(ours) / p99(theirs),
    unit: "x",
    wanted: "<= 1.5",
    detail,
  };
}
