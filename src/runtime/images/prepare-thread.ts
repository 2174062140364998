import { Worker } from "node:worker_threads";
import { type Clock, entryUrl } from "../../base/index.ts";

export interface PrepareTask {
  /** File of the module as it was published. */
  readonly source: string;
  /** Folder for the prepared one. */
  readonly target: string;
}

export interface PrepareAnswer {
  readonly error?: string;
}

/** What preparing one module may cost; an image may be made to cost more. */
export interface PrepareLimits {
  /** In milliseconds; a module of 20 MB takes about a second. @default 60 s */
  readonly timeoutMs: number;
  /** JavaScript heap of the thread, in MiB. @default 1024 */
  readonly maxHeapMib: number;
}

const DEFAULT_LIMITS: PrepareLimits = { timeoutMs: 60_000, maxHeapMib: 1024 };
const BOUNDS = { timeoutMs: { min: 100, max: 3_600_000 }, maxHeapMib: { min: 64, max: 65_536 } } as const;

/** The defaults, with what the settings say instead. Throws RangeError for a setting out of its bounds. */
export function resolvePrepareLimits(settings: Partial<PrepareLimits> = {}): PrepareLimits {
  const limits = { ...DEFAULT_LIMITS, ...settings };
  for (const name of ["timeoutMs", "maxHeapMib"] as const) {
    const { min, max } = BOUNDS[name];
    if (!(limits[name] >= min && limits[name] <= max))
      throw new RangeError(`Preparing: ${name} must be from ${min} to ${max}, not ${limits[name]}`);
  }
  return limits;
}

/** An idle thread costs memory (about 10 MB). */
const IDLE_MS = 10_000;

interface Job {
  readonly task: PrepareTask;
  readonly done: PromiseWithResolvers<void>;
}

interface RunningJob extends Job {
  readonly timer: Disposable;
}

/**
 * The thread that prepares modules, one at a time: started when needed, ended when idle, and replaced when a module takes too
 * long or kills it. Only that module fails; those that wait for their turn get a new thread.
 */
export class PrepareThread implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #limits: PrepareLimits;
  #worker: Worker | undefined;
  #idle: Disposable | undefined;
  #running: RunningJob | undefined;
  readonly #queue: Job[] = [];
  #isClosed = false;

  constructor(clock: Clock, limits: PrepareLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Prepares the module in file `source` into folder `target`. Rejects when that takes too long or the thread dies of it. */
  prepare(source: string, target: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedError());
    const done = Promise.withResolvers<void>();
    this.#queue.push({ task: { source, target }, done });
    this.#next();
    return done.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { done } of this.#queue.splice(0)) done.reject(closedError());
    this.#finish(closedError());
    await this.#end();
  }

  #next(): void {
    if (this.#running) return;
    const job = this.#queue.shift();
    if (!job) return this.#rest();
    this.#idle?.[Symbol.dispose]();
    const { timeoutMs } = this.#limits;
    const timer = this.#clock.after(timeoutMs, () => this.#giveUp(new Error(`It took longer than ${timeoutMs} ms`)));
    this.#running = { ...job, timer };
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(job.task, []);
  }

  #start(): Worker {
    const worker = new Worker(entryUrl(import.meta.url, "prepare.entry"), {
      name: "prepare",
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.maxHeapMib },
    });
    const fail = (error: Error) => {
      if (this.#worker === worker) this.#giveUp(error);
    };
    worker.on("message", ({ error }: PrepareAnswer) => {
      if (this.#worker !== worker) return;
      this.#finish(error === undefined ? undefined : new Error(error));
      this.#next();
    });
    worker.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", (code) => fail(new Error(`The thread that prepares modules ended with code ${code}`)));
    return worker;
  }

  /** The thread is stuck with the module or dead of it. */
  #giveUp(error: Error): void {
    void this.#end();
    this.#finish(error);
    this.#next();
  }

  #finish(error?: Error): void {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    running.timer[Symbol.dispose]();
    if (error) running.done.reject(error);
    else running.done.resolve();
  }

  /** An idle thread keeps no process alive, and ends after a while. */
  #rest(): void {
    if (!this.#worker) return;
    this.#worker.unref();
    this.#idle?.[Symbol.dispose]();
    this.#idle = this.#clock.after(IDLE_MS, () => void this.#end());
  }

  async #end(): Promise<void> {
    this.#idle?.[Symbol.dispose]();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function closedError(): Error {
  return new Error("The runtime is being closed");
}
