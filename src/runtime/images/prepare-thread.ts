import { Worker } from "node:worker_threads";
import { type Clock, entryUrl } from "../../base/index.ts";

export interface PrepareTask {
  readonly id: number;
  /** File of the module as it was published. */
  readonly source: string;
  /** Folder for the prepared one. */
  readonly target: string;
}

export interface PrepareAnswer {
  readonly id: number;
  readonly error?: string;
}

/** A module that takes longer was made to; a 20 MB one takes about a second. */
export const PREPARE_TIMEOUT_MS = 60_000;
/** An idle thread costs memory (about 10 MB). */
const IDLE_MS = 10_000;
const MAX_HEAP_MIB = 1024;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: Disposable;
}

/** The thread that prepares modules: started when needed, ended when idle, replaced when it dies. */
export class PrepareThread implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #worker: Worker | undefined;
  #idle: Disposable | undefined;
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();

  constructor(clock: Clock, timeoutMs = PREPARE_TIMEOUT_MS) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Prepares the module in file `source` into folder `target`. Rejects when that takes too long or the thread dies of it. */
  prepare(source: string, target: string): Promise<void> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = this.#clock.after(this.#timeoutMs, () => {
      this.#fail(new Error(`Preparing took longer than ${this.#timeoutMs} ms`));
    });
    this.#waiting.set(id, { resolve, reject, timer });
    this.#started().postMessage({ id, source, target } satisfies PrepareTask, []);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#fail(new Error("The runtime is being closed"));
    await worker?.terminate();
  }

  #started(): Worker {
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
    if (this.#worker) {
      this.#worker.ref();
      return this.#worker;
    }
    const worker = new Worker(entryUrl(import.meta.url, "prepare.entry"), {
      name: "prepare",
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    worker.on("message", (answer: PrepareAnswer) => this.#settle(answer));
    const fail = (error: Error) => {
      if (this.#worker === worker) this.#fail(error);
    };
    worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", (code) => fail(new Error(`The thread that prepares modules ended with code ${code}`)));
    this.#worker = worker;
    return worker;
  }

  #settle({ id, error }: PrepareAnswer): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    waiting.timer[Symbol.dispose]();
    if (error === undefined) waiting.resolve();
    else waiting.reject(new Error(error));
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#idle = this.#clock.after(IDLE_MS, () => this.#end());
  }

  /** Gives up everything under way: one thread does it all, and there is no telling which task holds it. */
  #fail(error: Error): void {
    this.#end();
    for (const waiting of this.#waiting.values()) {
      waiting.timer[Symbol.dispose]();
      waiting.reject(error);
    }
    this.#waiting.clear();
  }

  #end(): void {
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}
