// Guests that call functions of `wasi_experimental_http` one after the other, made for one test each.
import wabtInit from "wabt";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { createEngine, createEpoch, type Engine, type HostModule, type Outcome } from "../../src/engine/index.ts";
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
  /** Gives the run no `OutboundRun`. */
  readonly isUnprepared?: boolean;
  /** @default true */
  readonly hasMemory?: boolean;
}

/** What a run tells the host module "test". */
interface Notes {
  readonly codes: number[];
  memory: Buffer;
}

/** `note(code)` keeps a code, `dump()` the memory as it is. */
const noting: HostModule = {
  name: "test",
  suspending: new Set(),
  instantiate: (instance) => {
    const notes = () => instance.invocation().host?.["test"] as Notes;
    return {
      note: (code) => notes().codes.push(code),
      dump: () => {
        notes().memory = Buffer.from(new Uint8Array(instance.memory.buffer));
        return 0;
      },
    };
  },
};

/** One thread's engine with our host module. */
export class World implements AsyncDisposable {
  readonly #engine: Engine;
  #digests = 0;

  constructor(options: Partial<OutboundOptions> = {}) {
    const http = outboundHttp({ clock: systemClock, log: silentLogger, ...options });
    this.#engine = createEngine({ epoch: createEpoch().memory, clock: systemClock, hostModules: [http, noting] });
  }

  /** Runs a guest that makes these calls. */
  async run(texts: GuestTexts, calls: readonly GuestCall[], options: RunOptions = {}): Promise<GuestRun> {
    const { allowedHosts = [], maxOpenResponses, deadlineMs = Infinity, hasMemory = true } = options;
    const run = new OutboundRun(allowedHosts, maxOpenResponses);
    const { bytes, layout } = instrument(wat(source(texts, calls, hasMemory)));
    const prepared = { digest: `sha256:${++this.#digests}`, module: new WebAssembly.Module(bytes), layout };
    const stderr: Buffer[] = [];
    const notes: Notes = { codes: [], memory: Buffer.alloc(PAGES * 65_536) };
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
      host: { test: notes, ...(options.isUnprepared === true ? {} : { [EXPERIMENTAL_HTTP]: run }) },
    });
    run.close();
    return resultOf(outcome, notes, Buffer.concat(stderr).toString());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.close();
  }
}

function resultOf(outcome: Outcome, { codes, memory }: Notes, stderr: string): GuestRun {
  const written = memory.length === 0 ? 0 : memory.readUInt32LE(WRITTEN);
  return {
    outcome,
    codes,
    memory,
    stderr,
    status: memory.length === 0 ? 0 : memory.readUInt16LE(AT.status),
    handle: memory.length === 0 ? 0 : memory.readUInt32LE(AT.handle),
    written,
    buffer: memory.toString("latin1", BUFFER, BUFFER + written),
  };
}

function source(texts: GuestTexts, calls: readonly GuestCall[], hasMemory: boolean): string {
  const imports = Object.entries(PARAMETERS).map(
    ([name, count]) =>
      `(import "${EXPERIMENTAL_HTTP}" "${name}" (func $${name} (param${" i32".repeat(count)}) (result i32)))`,
  );
  const data = Object.entries(texts).map(
    ([key, text]: [string, string | Uint8Array]) =>
      `(data (i32.const ${AT[key as keyof typeof AT]}) "${escaped(text)}")`,
  );
  const body = calls.map(
    ([name, ...args]) => `(drop (call $note (call $${name} ${args.map((each) => `(i32.const ${each})`).join(" ")})))`,
  );
  return `(module ${imports.join("\n")}
    (import "test" "note" (func $note (param i32) (result i32)))
    (import "test" "dump" (func $dump (result i32)))
    ${hasMemory ? `(memory (export "memory") ${PAGES})` : ""}
    ${hasMemory ? data.join("\n") : ""}
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
