// The thread that counts the epoch. Ended by its owner (ticker.ts).
import { workerData } from "node:worker_threads";
import { TickerLoop } from "./ticker-loop.ts";

const loop = new TickerLoop(new Int32Array((workerData as WebAssembly.Memory).buffer), () => performance.now());
for (;;) loop.step();
