import { Worker } from "node:worker_threads";
import { MAX_INSTANCES, type ShimSettings } from "../settings.ts";
import { gatewayWorkerUrl } from "./entry.ts";
import {
  RefusedError,
  STATUS,
  STATUS_WORDS,
  type WorkerCall,
  type WorkerMessage,
  type WorkerRequest,
  type WorkerResult,
  type WorkerSetup,
} from "./worker-protocol.ts";

/** A worker ended before it answered; its successor can be asked again. */
export class WorkerLostError extends Error {
  constructor(reason: string) {
    super(`The worker ended before it answered: ${reason}`);
    this.name = "WorkerLostError";
  }
}

export interface GatewayThreadOptions {
  readonly epoch: WebAssembly.Memory;
  readonly settings: ShimSettings;
  /** Gateway workers of the process: each gets its part of what a process may hold. */
  readonly count: number;
  readonly onLog: (container: string, text: Uint8Array) => void;
}

/** One gateway worker's thread, as the main thread sees it, until it ends. */
export class GatewayThread {
  /** Resolves when it answers requests; rejects when it ends first. */
  readonly ready: Promise<void>;
  /** Resolves to why it ended. Every call is settled before. */
  readonly ended: Promise<string>;
  readonly #status = new Int32Array(new SharedArrayBuffer(4 * STATUS_WORDS));
  readonly #worker: Worker;
  readonly #calls = new Map<number, PromiseWithResolvers<WorkerResult>>();
  readonly #options: GatewayThreadOptions;
  readonly #isReady = Promise.withResolvers<void>();
  #lastId = 0;
  #reason: string | undefined;
  #isOver = false;

  constructor(options: GatewayThreadOptions) {
    this.#options = options;
    this.ready = this.#isReady.promise;
    const { epoch, settings, count } = options;
    const setup: WorkerSetup = {
      status: this.#status,
      epoch,
      settings,
      maxInstances: Math.max(1, Math.floor((settings.maxInstances ?? MAX_INSTANCES) / count)),
    };
    this.#worker = new Worker(gatewayWorkerUrl(), { name: "gateway worker", workerData: setup });
    this.#worker.on("message", (message: WorkerMessage) => this.#take(message));
    this.#worker.on("error", (error: Error) => (this.#reason ??= error.stack ?? String(error)));
    this.ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => resolve(this.#end(`exit code ${code}`)));
    });
  }

  /** Grows while its event loop turns. */
  get beat(): number {
    return Atomics.load(this.#status, STATUS.beat);
  }

  /** Runs of guests under way, also after its end: those were lost. */
  get running(): number {
    return Atomics.load(this.#status, STATUS.running);
  }

  /** Rejects with `RefusedError`, or with `WorkerLostError` when the thread ends first. */
  ask(request: WorkerRequest): Promise<WorkerResult> {
    if (this.#isOver) return Promise.reject(new WorkerLostError(this.#reason ?? "it is gone"));
    const id = ++this.#lastId;
    const call = Promise.withResolvers<WorkerResult>();
    this.#calls.set(id, call);
    this.#worker.postMessage({ id, request } satisfies WorkerCall, []);
    return call.promise;
  }

  /** Ends the thread, whatever it does. */
  terminate(reason: string): void {
    this.#reason ??= reason;
    void this.#worker.terminate();
  }

  #take(message: WorkerMessage): void {
    switch (message.kind) {
      case "ready":
        return this.#isReady.resolve();
      case "log":
        return this.#options.onLog(message.container, message.text);
      case "stuck":
        return this.terminate(message.reason);
      case "done":
        return this.#settle(message.id)?.resolve(message.result);
      case "failed":
        return this.#settle(message.id)?.reject(new RefusedError(message.code, message.message));
    }
  }

  #settle(id: number): PromiseWithResolvers<WorkerResult> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #end(exit: string): string {
    const reason = (this.#reason ??= exit);
    this.#isOver = true;
    for (const call of this.#calls.values()) call.reject(new WorkerLostError(reason));
    this.#calls.clear();
    this.#isReady.promise.catch(() => {});
    this.#isReady.reject(new WorkerLostError(reason));
    return reason;
  }
}
