import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { silentLogger, systemClock } from "../../base/index.ts";
import type { HostInstance, Invocation } from "../../engine/index.ts";
import { CODE } from "./failure.ts";
import { outboundHttp } from "./outbound-http.ts";
import { EXPERIMENTAL_HTTP, OutboundRun } from "./run.ts";

const PARAMETERS = { req: 10, close: 1, header_get: 6, headers_get_all: 4, body_read: 4 } as const;
const CODES: ReadonlySet<number> = new Set(Object.values(CODE));
const MEMORY_BYTES = 65_536;
const URL_TEXT = "http://up.test/GETa:b\n";

/** Pointers and lengths as a hostile guest gives them: near all edges. */
const word = fc.oneof(
  fc.integer({ min: -4, max: 64 }),
  fc.integer({ min: MEMORY_BYTES - 16, max: MEMORY_BYTES + 16 }),
  fc.constantFrom(-0x8000_0000, 0x7fff_ffff, -MEMORY_BYTES),
  fc.integer(),
);

const call = fc.oneof(
  ...Object.entries(PARAMETERS).map(([name, count]) =>
    fc.tuple(fc.constant(name), fc.array(word, { minLength: count, maxLength: count })),
  ),
);

/** A run with one open answer on a memory of one page. */
function hostInstance(
  memory: WebAssembly.Memory,
  body = Buffer.from("body"),
): { readonly instance: HostInstance; readonly run: OutboundRun } {
  const run = new OutboundRun(["http://up.test"]);
  run.open({ headers: [["a", "b"]], body, offset: 0, release: () => {} });
  const invocation = {
    account: { id: "test", weight: 100, cpuMs: 0 },
    stderr: { write: () => {} },
    host: { [EXPERIMENTAL_HTTP]: run },
  } as unknown as Invocation;
  const unused = () => {
    throw new Error("unused");
  };
  return {
    run,
    instance: { memory, invocation: () => invocation, signal: () => AbortSignal.abort(), call: unused },
  };
}

test("outboundHttp() answers a code for any arguments of a guest, and writes nothing when that is not 0", async () => {
  const module = outboundHttp({ clock: systemClock, log: silentLogger, resolve: () => Promise.resolve([]) });
  await fc.assert(
    fc.asyncProperty(fc.array(call, { maxLength: 8 }), async (calls) => {
      const memory = new WebAssembly.Memory({ initial: 1 });
      const bytes = Buffer.from(memory.buffer);
      bytes.write(URL_TEXT);
      const { instance, run } = hostInstance(memory);
      const functions = module.instantiate(instance);
      for (const [name, args] of calls) {
        const before = Buffer.from(bytes);
        const code = await functions[name]?.(...(args as never[]));
        assert.ok(CODES.has(code ?? -1), `${name}(${args.join(", ")}) answered ${code}`);
        if (code !== CODE.ok) assert.ok(before.equals(bytes), `${name}(${args.join(", ")}) wrote something`);
      }
      run.close();
    }),
    { numRuns: 500 },
  );
});

test("body_read() copies at most 1 MiB a call, and 0 bytes at the end only", () => {
  const memory = new WebAssembly.Memory({ initial: 64 });
  const { instance, run } = hostInstance(memory, Buffer.alloc(2.5 * 1024 * 1024, 7));
  const { body_read } = outboundHttp({ clock: systemClock, log: silentLogger }).instantiate(instance);
  const lengths: number[] = [];

  for (let count = 0; count < 4; count++) {
    assert.equal(body_read?.(...([0, 8, 4 * 1024 * 1024 - 16, 0] as never[])), CODE.ok);
    lengths.push(new DataView(memory.buffer).getUint32(0, true));
  }
  run.close();

  assert.deepEqual(lengths, [1024 * 1024, 1024 * 1024, 512 * 1024, 0]);
});
