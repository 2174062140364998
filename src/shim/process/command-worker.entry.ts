// First file of a command's worker: runs it and tells how it ended. Its output goes through the ring.
import { parentPort, workerData } from "node:worker_threads";
import { silentLogger, systemClock } from "../../base/index.ts";
import { runCommand, UnusableModuleError } from "../../engine/index.ts";
import { outboundHttp } from "../../gateway/index.ts";
import type { ContainerExit } from "../protocol.ts";
import type { CommandSetup } from "./commands.ts";
import { LogRing } from "./log-ring.ts";

/** As of a program that cannot be executed. */
const CANNOT_RUN_EXIT_CODE = 126;

const { prepared, container, fds, epoch, settings, log } = workerData as CommandSetup;
const ring = new LogRing(log);
const encoder = new TextEncoder();

parentPort?.postMessage(await run(), []);

async function run(): Promise<ContainerExit> {
  const { memoryBytes, mounts } = container;
  try {
    const { exitCode, reason, message } = await runCommand(
      prepared,
      { memoryBytes, concurrency: 1, queue: 0 },
      {
        args: container.args.map((each) => encoder.encode(each)),
        env: container.env.map(({ key, value }) => encoder.encode(`${key}=${value}`)),
        stdin: { read: () => new Uint8Array(0) },
        stdout: { write: (bytes) => ring.write("stdout", bytes) },
        stderr: { write: (bytes) => ring.write("stderr", bytes) },
        preopens: mounts.map(({ guestPath, readOnly }, index) => ({ guestPath, readOnly, fd: fds[index] ?? -1 })),
      },
      {
        epoch,
        clock: systemClock,
        hostModules: [outboundHttp({ clock: systemClock, log: silentLogger })],
        ...(settings.wasi === undefined ? {} : { wasiLimits: settings.wasi }),
      },
    );
    return { exitCode: exitCode % 256, reason, message };
  } catch (error) {
    if (!(error instanceof UnusableModuleError)) throw error;
    return { exitCode: CANNOT_RUN_EXIT_CODE, reason: "Error", message: error.message };
  }
}
