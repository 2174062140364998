import { Worker } from "node:worker_threads";
import { entryUrl } from "../../base/index.ts";

export interface Ticker extends AsyncDisposable {
  /** Ends the thread. Guests that still run are not stopped any more, so close the engines first. */
  close(): Promise<void>;
}

/** Starts the thread that counts a process's epoch; should it die, another takes over. Keeps no process alive. */
export function startTicker(memory: WebAssembly.Memory): Ticker {
  let isClosed = false;
  const start = (): Worker => {
    const started = new Worker(entryUrl(import.meta.url, "epoch-ticker.entry"), {
      name: "epoch ticker",
      workerData: memory,
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    });
    // An error is followed by `exit`, which starts the next.
    started.on("error", () => {});
    started.on("exit", () => {
      if (!isClosed) worker = start();
    });
    started.unref();
    return started;
  };
  let worker = start();
  const close = async (): Promise<void> => {
    isClosed = true;
    await worker.terminate();
  };
  return { close, [Symbol.asyncDispose]: close };
}
