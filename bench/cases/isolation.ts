import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { systemClock } from "../../src/base/index.ts";
import { createEngine, createEpoch, type Guest, startTicker } from "../../src/engine/index.ts";
import { instrument } from "../../src/wasm/index.ts";
import { percentile } from "../statistics.ts";
import { guestFile, startWorld, type World } from "../world.ts";
import { type Load, wrk } from "../wrk.ts";
import type { BenchSettings, Figure } from "./throughput.ts";

type IsolationSettings = Pick<BenchSettings, "seconds" | "scratch">;

/** What is left of spinners' time when two measurements should be over: starting wrk takes some, too. */
const SPARE_SECONDS = 1;
const DEADLINE_MS = 100;
const CONNECTIONS = 32;

/** `hello` on one worker beside guests that spin for ever and beside a module of 9 ms a request, and how spinners end. */
export async function isolation(settings: IsolationSettings): Promise<Figure[]> {
  const script = path.join(settings.scratch, "close.lua");
  await writeFile(script, 'wrk.headers["Connection"] = "close"\n');
  await using world = await startWorld(settings.scratch);
  const hello = await startModule(world, "hello", "demo/hello.wasm", {});
  const spin = await startModule(world, "spin", "test/spin.wasm", {
    "wasipool.dev/request-timeout": `${2 * settings.seconds + SPARE_SECONDS}s`,
  });
  const bench = new Bench(settings, hello, script);
  await bench.measure();
  const quiet = await bench.measure();
  const figures: Figure[] = [];
  for (const spinners of [1, 2, 8]) {
    await using _ = await hold(spin, spinners);
    figures.push(...beside(`${spinners} spinning`, await bench.measure(), quiet));
  }
  figures.push(...(await besideBusy(world, bench)));
  figures.push(await stops(world, hello));
  return figures;
}

interface Measured {
  readonly kept: Load;
  readonly fresh: Load;
}

class Bench {
  readonly #settings: IsolationSettings;
  readonly #url: string;
  readonly #script: string;

  constructor(settings: IsolationSettings, url: string, script: string) {
    this.#settings = settings;
    this.#url = url;
    this.#script = script;
  }

  /** On connections that are kept, then with a new one for each request. */
  async measure(): Promise<Measured> {
    const { seconds } = this.#settings;
    const kept = await wrk(this.#url, { seconds, connections: CONNECTIONS });
    const fresh = await wrk(this.#url, { seconds, connections: CONNECTIONS, script: this.#script });
    return { kept, fresh };
  }

  /** Load on another URL for as long as `measure` takes. */
  busy(url: string): Promise<Load> {
    return wrk(url, { seconds: 2 * this.#settings.seconds, connections: CONNECTIONS });
  }
}

function beside(what: string, now: Measured, quiet: Measured): Figure[] {
  return [
    {
      name: `hello beside ${what}: throughput of quiet`,
      value: now.kept.rps / quiet.kept.rps,
      unit: "x",
      wanted: ">= 0.4",
      detail: detailOf(now.kept),
    },
    p99(`hello beside ${what}: p99`, now.kept),
    {
      name: `hello beside ${what}: new connections`,
      value: now.fresh.rps,
      unit: "/s",
      wanted: ">= 2000",
      detail: `${detailOf(now.fresh)}, quiet ${Math.round(quiet.fresh.rps)} /s`,
    },
    p99(`hello beside ${what}: p99, new connections`, now.fresh),
  ];
}

function p99(name: string, load: Load): Figure {
  return { name, value: load.p99Ms, unit: "ms", wanted: "<= 25", detail: detailOf(load) };
}

function detailOf({ rps, p50Ms, errors }: Load): string {
  return `${Math.round(rps)} rps, p50 ${p50Ms.toFixed(2)} ms${errors > 0 ? `, ${errors} ERRORS` : ""}`;
}

async function besideBusy(world: World, bench: Bench): Promise<Figure[]> {
  const busy = await startModule(world, "busy", "test/busy.wasm", {});
  const [now, load] = await Promise.all([bench.measure(), bench.busy(busy)]);
  const what = "32 connections of 9 ms a request";
  const detail = `${detailOf(now.kept)}; the others ${detailOf(load)}`;
  return [
    { ...p99(`hello beside ${what}: p99`, now.kept), detail },
    p99(`hello beside ${what}: p99, new connections`, now.fresh),
  ];
}

/**
 * How long after its deadline a spinner's run has ended, one and eight at a time; asked of the engine, as a client cannot know
 * when its request was read. The shim that had to bear the spinners until now must still answer.
 */
async function stops(world: World, hello: string): Promise<Figure> {
  const { memory } = createEpoch();
  await using _ticker = startTicker(memory);
  await using engine = createEngine({ epoch: memory, clock: systemClock });
  const { bytes, layout } = instrument(await readFile(guestFile("test/spin.wasm")));
  const guest = engine.load({ digest: "spin", module: new WebAssembly.Module(bytes), layout });
  // The ticker has started when this ends; a shim's has before it serves.
  await lateEnd(guest);
  const lateMs: number[] = [];
  for (const atOnce of [1, 1, 1, 1, 8, 8, 8, 8, 8, 8])
    lateMs.push(...(await Promise.all(Array.from({ length: atOnce }, () => lateEnd(guest)))));
  const { status } = await fetch(hello);
  const isAlive = status === 200 && world.restarts() === 0;
  const detail = `p50 ${percentile(lateMs, 0.5).toFixed(1)} ms of ${lateMs.length}, up to 8 at a time`;
  return {
    name: "spinner stopped after its deadline, p99",
    value: percentile(lateMs, 0.99),
    unit: "ms",
    wanted: "<= 15",
    detail: isAlive ? detail : `${detail}, THE WORKER DIED`,
  };
}

const SINK = { write: () => {} };

async function lateEnd(guest: Guest): Promise<number> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  const outcome = await guest.run({
    entrypoint: "_start",
    args: [],
    env: [],
    stdin: { read: () => new Uint8Array(0) },
    stdout: SINK,
    stderr: SINK,
    preopens: [],
    account: { id: "spin", weight: 100, cpuMs: 0 },
    deadlineMs,
  });
  if (outcome.kind !== "stopped") throw new Error(`A spinner ended as ${outcome.kind}`);
  return performance.now() - deadlineMs;
}

/** Requests that are under way until their deadline: disposing waits for it, as a guest goes on when its client leaves. */
async function hold(url: string, count: number): Promise<AsyncDisposable> {
  const requests = await Promise.all(Array.from({ length: count }, () => request(url)));
  return {
    async [Symbol.asyncDispose]() {
      const answers = await Promise.all(requests.map(({ answer }) => answer));
      for (const { socket } of requests) socket.destroy();
      const wrong = answers.find((answer) => !answer.startsWith("HTTP/1.1 504"));
      if (wrong !== undefined) throw new Error(`A spinner was answered "${wrong}"`);
    },
  };
}

/** A request as bytes: a client library would be measured too. `answer` is the status line, empty when there was none. */
async function request(url: string): Promise<{ readonly socket: net.Socket; readonly answer: Promise<string> }> {
  const { hostname, port, pathname } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  const answered = Promise.withResolvers<string>();
  socket.on("data", (chunk: Buffer) => answered.resolve(chunk.toString("latin1").split("\r\n", 1)[0] ?? ""));
  socket.on("close", () => answered.resolve(""));
  await once(socket, "connect");
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  return { socket, answer: answered.promise };
}

async function startModule(
  world: World,
  name: string,
  file: string,
  annotations: Readonly<Record<string, string>>,
): Promise<string> {
  await world.pull(guestFile(file));
  const origin = await world.start({
    name,
    modules: { [name]: { file: guestFile(file), route: `/${name}` } },
    annotations,
  });
  return `${origin}/${name}`;
}
