// First file of a gateway worker.
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../base/index.ts";
import { GatewayWorker } from "./gateway-worker.ts";
import {
  BEAT_INTERVAL_MS,
  RefusedError,
  STATUS,
  type WorkerCall,
  type WorkerMessage,
  type WorkerSetup,
} from "./worker-protocol.ts";

const setup = workerData as WorkerSetup;
const port = parentPort;
if (!port) throw new Error("This file starts a worker thread");
const tell = (message: WorkerMessage) => port.postMessage(message, []);

const worker = new GatewayWorker(setup, {
  clock: systemClock,
  onLog: (container, text) => tell({ kind: "log", container, text }),
  onStuck: (reason) => tell({ kind: "stuck", reason }),
});
const beat = () => Atomics.add(setup.status, STATUS.beat, 1);
setInterval(beat, BEAT_INTERVAL_MS).unref();

port.on("message", ({ id, request }: WorkerCall) => {
  worker.answer(request).then(
    (result) => tell({ kind: "done", id, result }),
    (error: unknown) => {
      const code = error instanceof RefusedError ? error.code : "internal";
      tell({ kind: "failed", id, code, message: error instanceof Error ? error.message : String(error) });
    },
  );
});
tell({ kind: "ready" });
