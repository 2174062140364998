// What the tests of the WAGI contract share: one thread's engine and gateway with guests of guests/ and guests written as text.
import { readFileSync } from "node:fs";
import path from "node:path";
import { after } from "node:test";
import wabtInit from "wabt";
import { type Clock, silentLogger, systemClock } from "../../src/base/index.ts";
import {
  createEngine,
  createEpoch,
  DEFAULT_GUEST_LIMITS,
  type GuestLimits,
  startTicker,
} from "../../src/engine/index.ts";
import { createGateway, DEFAULT_HTTP_LIMITS, type HttpLimits, outboundHttp } from "../../src/gateway/index.ts";
import type { ServedContainer, ServedLimits } from "../../src/gateway/index.ts";
import type { Resolve } from "../../src/gateway/outbound/resolve.ts";
import { container, listeningSocket } from "../../src/gateway/testing.ts";
import { instrument } from "../../src/wasm/index.ts";

const GUESTS = path.resolve(import.meta.dirname, "../../guests");
const wabt = await wabtInit();
const epoch = createEpoch().memory;
const ticker = startTicker(epoch);
after(() => ticker.close());
const DEFAULT_LIMITS = container("", "/", {
  run: () => ({ kind: "busy" }),
  memoryBytes: () => 0,
  close: async () => {},
}).limits;
let digests = 0;

/** One container of a pod under test. */
export interface Served {
  readonly route: string;
  /** A module of guests/ without `.wasm`, bytes, or nothing: a container that does not run. */
  readonly module?: string | Uint8Array;
  /** @default `c` and the container's place in the list */
  readonly name?: string;
  readonly limits?: Partial<ServedLimits>;
  readonly guestLimits?: Partial<GuestLimits>;
  readonly changes?: Partial<ServedContainer>;
}

export interface WorldOptions {
  readonly http?: Partial<HttpLimits>;
  readonly clock?: Clock;
  /** For outbound calls; loopback addresses are allowed. @default no name has an address */
  readonly resolve?: Resolve;
  readonly maxStderrBytes?: number;
}

/** A pod named "pod" that serves `containers` in the order given. */
export async function serve(containers: readonly Served[], options: WorldOptions = {}) {
  const { clock = systemClock, resolve = () => Promise.resolve([]), maxStderrBytes } = options;
  const outbound = outboundHttp({
    clock: systemClock,
    log: silentLogger,
    resolve,
    addresses: { allowed: ["127.0.0.0/8"] },
  });
  const engine = createEngine({ epoch, clock: systemClock, hostModules: [outbound] });
  const gateway = createGateway({
    clock,
    log: silentLogger,
    limits: { ...DEFAULT_HTTP_LIMITS, ...options.http },
    ...(maxStderrBytes === undefined ? {} : { maxStderrBytes }),
  });
  let log = "";
  const load = (module: string | Uint8Array, limits: Partial<GuestLimits> = {}) => {
    const source = typeof module === "string" ? readFileSync(path.join(GUESTS, `${module}.wasm`)) : module;
    const { bytes, layout } = instrument(source);
    const prepared = { digest: `sha256:${++digests}`, module: new WebAssembly.Module(bytes), layout };
    return engine.load(prepared, { ...DEFAULT_GUEST_LIMITS, ...limits });
  };
  const named = containers.map((each, index) => ({ ...each, name: each.name ?? `c${index}` }));
  const start = (pod: string, { name, route, module, limits, guestLimits, changes }: (typeof named)[number]) => {
    if (module === undefined) return;
    const onStderr = (bytes: Uint8Array) => void (log += Buffer.from(bytes).toString());
    const common = { onStderr, limits: { ...DEFAULT_LIMITS, ...limits } };
    gateway.serve(pod, container(name, route, load(module, guestLimits), { ...common, ...changes }));
  };
  const { fd, port } = listeningSocket();
  gateway.declareRoutes(
    "pod",
    named.map(({ name, route }) => ({ route, container: name })),
  );
  for (const each of named) start("pod", each);
  await gateway.listen("pod", fd);
  return {
    port,
    gateway,
    engine,
    load,
    /** What the containers' logs got since this was last asked. */
    takeLog() {
      const taken = log;
      log = "";
      return taken;
    },
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await engine.close();
    },
  };
}

/** A module whose `_start` prints `output`, and `errors` to standard error, then runs the instructions `end`. */
export function printing(output: string | Uint8Array, { errors = "", end = "" } = {}): Uint8Array {
  const out = Buffer.from(output as string);
  const both = Buffer.concat([out, Buffer.from(errors)]);
  const pages = Math.ceil((DATA_AT + both.length) / PAGE_BYTES);
  return wat(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") ${pages})
    (data (i32.const ${DATA_AT}) "${escaped(both)}")
    (func $print (param $fd i32) (param $at i32) (param $length i32)
      (block $done (loop $more
        (br_if $done (i32.eqz (local.get $length)))
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $length))
        (br_if $done (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
        (local.set $length (i32.sub (local.get $length) (i32.load (i32.const 8))))
        (br $more))))
    (func (export "_start")
      (call $print (i32.const 1) (i32.const ${DATA_AT}) (i32.const ${out.length}))
      (call $print (i32.const 2) (i32.const ${DATA_AT + out.length}) (i32.const ${both.length - out.length}))
      ${end}))`);
}

const PAGE_BYTES = 65_536;
const DATA_AT = 16;

/** A module written as text. */
export function wat(text: string): Uint8Array {
  const module = wabt.parseWat("guest.wat", text, { bulk_memory: true });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** Bytes as a string of the text format. */
export function escaped(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString("hex")
    .replaceAll(/../g, String.raw`\$&`);
}
