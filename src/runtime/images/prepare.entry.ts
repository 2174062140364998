// A worker thread that prepares modules: reads one file, writes the prepared one, answers what went wrong.
import { readFile } from "node:fs/promises";
import { parentPort } from "node:worker_threads";
import { prepareModule } from "./prepare.ts";
import type { PrepareAnswer, PrepareTask } from "./prepare-thread.ts";
import { writePrepared } from "./prepared-files.ts";

parentPort?.on("message", (task: PrepareTask) => {
  void answer(task).then((message) => parentPort?.postMessage(message, []));
});

async function answer({ source, target }: PrepareTask): Promise<PrepareAnswer> {
  try {
    await writePrepared(target, prepareModule(await readFile(source)));
    return {};
  } catch (error) {
    return { error: (error as Error).message };
  }
}
