import { spawn } from "node:child_process";
import { closeSync } from "node:fs";
import type { Readable } from "node:stream";
import { socketPair } from "../channel/index.ts";
import type { ShimSettings } from "../settings.ts";
import { SHIM_NODE_FLAGS } from "./node-flags.ts";
import { type Identity, launcherFile, type LaunchPlan, shimCode } from "./plan.ts";

export interface LaunchOptions {
  readonly workers: number;
  readonly settings: ShimSettings;
  /** Used only when this process is root. */
  readonly identity: Identity;
}

/** A started shim process and this side's ends of the channel. */
export interface LaunchedShim {
  readonly pid: number;
  /** Socket for frames; whoever takes it closes it. */
  readonly stream: number;
  /** Socket for descriptors; closed when the process has ended. */
  readonly packets: number;
  /** Resolves to why it ended, with the last it wrote to standard error. */
  readonly exited: Promise<string>;
  /** Ends it at once. */
  kill(): void;
}

/** Enough for the head of V8's fatal errors and for a stack. */
const KEPT_STDERR_BYTES = 4096;

/** Starts the first stage, which becomes the shim. */
export function launchShim(options: LaunchOptions): LaunchedShim {
  const [stream, theirStream] = socketPair("stream");
  const [packets, theirPackets] = socketPair("packets");
  const { workers, settings, identity } = options;
  const plan: LaunchPlan = {
    node: process.execPath,
    flags: SHIM_NODE_FLAGS,
    ...shimCode(),
    workers,
    settings,
    identity,
  };
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", launcherFile(), JSON.stringify(plan)],
    { stdio: ["ignore", "ignore", "pipe", theirStream, theirPackets], env: {}, cwd: "/", detached: true },
  );
  closeSync(theirStream);
  closeSync(theirPackets);
  const lastWords = keepTail(child.stderr);
  const ended = Promise.withResolvers<string>();
  child.on("error", (error) => ended.resolve(`it could not be started: ${error.message}`));
  child.on("close", (code, signal) =>
    ended.resolve(`${signal ? `killed by ${signal}` : `exit code ${code}`}${lastWords()}`),
  );
  const exited = ended.promise.finally(() => closeSync(packets));
  return { pid: child.pid ?? 0, stream, packets, exited, kill: () => void child.kill("SIGKILL") };
}

function keepTail(stderr: Readable | null): () => string {
  let kept = "";
  stderr?.setEncoding("utf8").on("data", (chunk: string) => (kept = (kept + chunk).slice(-KEPT_STDERR_BYTES)));
  return () => (kept === "" ? "" : `: ${kept.trim()}`);
}
