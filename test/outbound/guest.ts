// Guests that call functions of `wasi_experimental_http` one after the other, made for one test each.
import wabtInit from "wabt";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import {
  createEngine,
  createEpoch,
  type Engine,
  type HostModule,
  type Invocation,
  type Outcome,
} from "../../src/engine/index.ts";
import { EXPERIMENTAL_HTTP, outboundHttp, type OutboundOptions, OutboundRun } from "../../src/gateway/index.ts";
import { instrument } from "../../src/wasm/index.ts";

const wabt = await wabtInit();
const PARAMETERS = { req: 10, close: 1, header_get: 6, headers_get_all: 4, body_read: 4 } as const;
export type FunctionName = keyof typeof PARAMETERS;
export type GuestCall = readonly [FunctionName, ...number[]];

/** Where texts of a guest stand, and what it leaves free for results. */
export const AT = {
  url: 1024,
  method: 12_000,
  headers: 13_000,
  body: 32_768,
  name: 50_000,
  status: 60_000,
  handle: 60_004,
} as const;
export const WRITTEN = 60_008;
/** A buffer of a page, in the second page. */
export const BUFFER = 65_536;
const RESULTS = 64;
const PAGES = 3;

export interface GuestTexts {
  readonly url?: string | Uint8Array;
  readonly method?: string | Uint8Array;
  readonly headers?: string | Uint8Array;
  readonly body?: string | Uint8Array;
  readonly name?: string;
}

/** The call of `req` for the texts of a guest. */
export function req(texts: GuestTexts): GuestCall {
  const slice = (key: "url" | "method" | "headers" | "body"): [number, number] => [
    AT[key],
    Buffer.byteLength(texts[key] ?? ""),
  ];
  return ["req", ...slice("url"), ...slice("method"), ...slice("headers"), ...slice("body"), AT.status, AT.handle];
}

/** What a run left: the answer of each call, its memory, what the container's log got. */
export interface GuestRun {
  readonly outcome: Outcome;
  readonly codes: readonly number[];
  readonly memory: Buffer;
  readonly stderr: string;
  readonly status: number;
  readonly handle: number;
  readonly written: number;
  /** What is in the buffer, as long as the last call said. */
  readonly buffer: string;
}

export interface RunOptions {
  readonly allowedHosts?: readonly string[];
  readonly maxOpenResponses?: number;
  readonly deadlineMs?: number;
  /** Instead of an `OutboundRun` made from the two above. */
  readonly host?: Invocation["host"];
}

/** One thread's engine with our host module. */
export class World implements AsyncDisposable {
  readonly #engine: Engine;
  #dumped: Buffer | undefined;
  #digests = 0;

  constructor(options: Partial<OutboundOptions> = {}) {
    const http = outboundHttp({ clock: systemClock, log: silentLogger, ...options });
    const dump: HostModule = {
      name: "test",
      suspending: new Set(),
      instantiate: ({ memory }) => ({
        dump: () => {
          this.#dumped = Buffer.from(new Uint8Array(memory.buffer));
          return 0;
        },
      }),
    };
    this.#engine = createEngine({ epoch: createEpoch().memory, clock: systemClock, hostModules: [http, dump] });
  }

  /** Runs a guest that makes these calls. */
  async run(texts: GuestTexts, calls: readonly GuestCall[], options: RunOptions = {}): Promise<GuestRun> {
    const { allowedHosts = [], maxOpenResponses, deadlineMs = Infinity } = options;
    const run = new OutboundRun(allowedHosts, maxOpenResponses);
    const { bytes, layout } = instrument(wat(source(texts, calls)));
    const prepared = { digest: `sha256:${++this.#digests}`, module: new WebAssembly.Module(bytes), layout };
    const stderr: Buffer[] = [];
    this.#dumped = undefined;
    const outcome = await this.#engine.load(prepared).run({
      entrypoint: "_start",
      args: [],
      env: [],
      stdin: { read: () => new Uint8Array(0) },
      stdout: { write: () => {} },
      stderr: { write: (text) => void stderr.push(Buffer.from(text)) },
      preopens: [],
      account: { id: "test", weight: 100, cpuMs: 0 },
      deadlineMs: systemClock.monotonic() + deadlineMs,
      host: options.host ?? { [EXPERIMENTAL_HTTP]: run },
    });
    run.close();
    return resultOf(
      outcome,
      calls.length,
      this.#dumped ?? Buffer.alloc(PAGES * 65_536),
      Buffer.concat(stderr).toString(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.close();
  }
}

function resultOf(outcome: Outcome, calls: number, memory: Buffer, stderr: string): GuestRun {
  const written = memory.readUInt32LE(WRITTEN);
  return {
    outcome,
    codes: Array.from({ length: calls }, (_, index) => memory.readInt32LE(RESULTS + 4 * index)),
    memory,
    stderr,
    status: memory.readUInt16LE(AT.status),
    handle: memory.readUInt32LE(AT.handle),
    written,
    buffer: memory.toString("latin1", BUFFER, BUFFER + written),
  };
}

function source(texts: GuestTexts, calls: readonly GuestCall[]): string {
  const imports = Object.entries(PARAMETERS).map(
    ([name, count]) =>
      `(import "${EXPERIMENTAL_HTTP}" "${name}" (func $${name} (param${" i32".repeat(count)}) (result i32)))`,
  );
  const data = Object.entries(texts).map(
    ([key, text]: [string, string | Uint8Array]) =>
      `(data (i32.const ${AT[key as keyof typeof AT]}) "${escaped(text)}")`,
  );
  const body = calls.map(
    ([name, ...args], index) =>
      `(i32.store (i32.const ${RESULTS + 4 * index}) (call $${name} ${args.map((each) => `(i32.const ${each})`).join(" ")}))`,
  );
  return `(module ${imports.join("\n")}
    (import "test" "dump" (func $dump (result i32)))
    (memory (export "memory") ${PAGES})
    ${data.join("\n")}
    (func (export "_start") ${body.join("\n")} (drop (call $dump))))`;
}

function escaped(text: string | Uint8Array): string {
  return [...Buffer.from(text as string)].map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
}

function wat(text: string): Uint8Array {
  const module = wabt.parseWat("guest.wat", text, { bulk_memory: true });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
