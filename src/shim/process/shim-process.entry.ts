// First file of the shim process; its only argument is what the first stage tells.
import { systemClock } from "../../base/index.ts";
import { type LaunchResult, PACKETS_FD, STREAM_FD } from "../launch/index.ts";
import { ShimProcess } from "./shim-process.ts";

const { workers, settings, warnings } = JSON.parse(process.argv[2] ?? "") as LaunchResult;

await ShimProcess.start({
  stream: STREAM_FD,
  packets: PACKETS_FD,
  workers,
  settings,
  warnings,
  clock: systemClock,
  onEnd: (error) => {
    if (error) process.stderr.write(`${error.stack ?? String(error)}\n`);
    process.exit(error ? 1 : 0);
  },
});
