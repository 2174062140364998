// What the tests of this module share: a host with a memory of its own, called as a guest would call it.
import { type Clock, systemClock } from "../../base/index.ts";
import type { OpenBeneath } from "../files/index.ts";
import type { WasiLimits } from "../limits.ts";
import { createPreview1Host } from "../preview1/host.ts";
import type { WasiProcess } from "../process.ts";

const PAGE_BYTES = 65_536;
/** Where the strings and buffers of calls go; below it is room for tests that choose their own places. */
const SCRATCH_START = PAGE_BYTES;

export interface TestGuestOptions extends Partial<WasiProcess> {
  /** @default "sliced" */
  readonly mode?: "fast" | "sliced" | "blocking";
  readonly clock?: Clock;
  readonly limits?: Partial<WasiLimits>;
  readonly openBeneath?: OpenBeneath;
  /** @default "wasi_snapshot_preview1" */
  readonly module?: "wasi_snapshot_preview1" | "wasi_unstable";
  /** Size of the memory. @default 20 */
  readonly pages?: number;
}

type Argument = number | bigint;

/** A guest without code: the test is the code. */
export class TestGuest {
  readonly memory: WebAssembly.Memory;
  readonly host: ReturnType<typeof createPreview1Host>;
  readonly output: Buffer[] = [];
  readonly #module: string;
  #next = SCRATCH_START;

  constructor(options: TestGuestOptions = {}) {
    const { mode = "sliced", clock = systemClock, limits, openBeneath } = options;
    this.#module = options.module ?? "wasi_snapshot_preview1";
    this.memory = new WebAssembly.Memory({ initial: options.pages ?? 20, maximum: 1024 });
    this.host = createPreview1Host({ mode, clock, limits: limits ?? {}, ...(openBeneath && { openBeneath }) });
    this.host.bind(this.memory);
    const sink = { write: (bytes: Uint8Array) => void this.output.push(Buffer.from(bytes)) };
    this.host.begin({
      args: options.args ?? [],
      env: options.env ?? [],
      stdin: options.stdin ?? { read: () => new Uint8Array(0) },
      stdout: options.stdout ?? sink,
      stderr: options.stderr ?? sink,
      preopens: options.preopens ?? [],
    });
  }

  /** Ends the run. */
  [Symbol.dispose](): void {
    this.host.end();
  }

  get bytes(): Buffer {
    return Buffer.from(this.memory.buffer);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** First address beyond the memory. */
  get end(): number {
    return this.memory.buffer.byteLength;
  }

  /** Calls a function; its errno, or a promise of one when it waits. */
  start(name: string, ...args: readonly Argument[]): number | Promise<number> {
    const found = this.host.find(this.#module, name);
    if (!found) throw new Error(`No function ${name}`);
    return found(...(args as never[]));
  }

  /** Calls a function that must not wait; its errno. */
  call(name: string, ...args: readonly Argument[]): number {
    const errno = this.start(name, ...args);
    if (typeof errno !== "number") throw new Error(`${name} waits`);
    return errno;
  }

  /** Zeroed room; the oldest is used again when the memory is full. */
  room(length: number): number {
    if (this.#next + length > this.end) this.#next = SCRATCH_START;
    const pointer = this.#next;
    this.#next += (length + 8) & ~7;
    this.bytes.fill(0, pointer, pointer + length);
    return pointer;
  }

  /** Puts bytes into the memory: pointer and length, as functions take them. */
  put(content: string | Uint8Array): readonly [pointer: number, length: number] {
    const bytes = Buffer.from(content as Uint8Array);
    const pointer = this.room(bytes.length);
    this.bytes.set(bytes, pointer);
    return [pointer, bytes.length];
  }

  /** A list of buffers: pointer and count, as functions take them. */
  iovecs(...buffers: readonly (readonly [pointer: number, length: number])[]): readonly [number, number] {
    const list = this.room(buffers.length * 8);
    for (const [index, [pointer, length]] of buffers.entries()) {
      this.view.setUint32(list + index * 8, pointer, true);
      this.view.setUint32(list + index * 8 + 4, length, true);
    }
    return [list, buffers.length];
  }
}
