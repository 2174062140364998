import path from "node:path";
import { systemClock } from "../../base/index.ts";
import { RegistryError, StoreError } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import type { RunFlags } from "./flags.ts";
import type { Watched } from "./inputs.ts";
import { createJsonReport } from "./json-report.ts";
import { type LocalImage, localImages } from "./local-images.ts";
import { startMachine } from "./machine.ts";
import { readObjects, type RunObjects } from "./read-objects.ts";
import type { Report } from "./report.ts";
import { RunSession } from "./session.ts";
import { TextReport } from "./text-report.ts";
import { watchFiles } from "./watch.ts";

/** Longest grace period of pods at the end. */
const DEFAULT_GRACE_MS = 30_000;

/** `wasipool run FILE…`: until every workload has ended, or Ctrl-C. */
export async function run(files: readonly string[], flags: RunFlags, context: CommandContext): Promise<void> {
  // Pending timers alone do not keep a process alive.
  const alive = setInterval(() => {}, 60_000);
  try {
    await runToEnd(files, flags, context);
  } catch (error) {
    throw readable(error);
  } finally {
    clearInterval(alive);
  }
}

async function runToEnd(files: readonly string[], flags: RunFlags, context: CommandContext): Promise<void> {
  const { interrupted, terminal } = context;
  const report =
    flags.output === "json" ? createJsonReport(terminal, () => systemClock.now()) : new TextReport(terminal);
  if (flags.watch && files.includes("-"))
    throw badInput("--watch cannot watch standard input; give a file or a folder");
  const wanted = await readObjects(files, flags, context);
  for (const warning of wanted.warnings) report.warn(warning);
  const local = localImages([...flags.image, ...wanted.images], context.cwd);
  await using machine = await startMachine(flags, local, context);
  await using session = await RunSession.start(machine, report);
  await session.apply(wanted, false);
  if (flags.watch) {
    const again = () => readObjects(files, flags, context);
    watchFiles(watchedFiles(wanted, local), systemClock, interrupted, appliedInTurn(again, session, report));
  }
  await (flags.watch ? untilAborted(interrupted) : Promise.race([untilAborted(interrupted), session.finished]));
  const hasFailed = session.workloads().some(({ outcome }) => outcome === "failed");
  await session.stop((flags.grace ?? DEFAULT_GRACE_MS) / 1000);
  if (interrupted.aborted) return context.exitWith(EXIT.interrupted);
  if (hasFailed) context.exitWith(EXIT.failed);
}

/** Applies what `read` answers, one change after another; what is wrong with it is told, and what runs goes on. */
function appliedInTurn(read: () => Promise<RunObjects>, session: RunSession, report: Report): () => void {
  let turn: Promise<void> = Promise.resolve();
  const apply = async () => {
    try {
      const wanted = await read();
      for (const warning of wanted.warnings) report.warn(warning);
      await session.apply(wanted, true);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      report.warn(`${error.message}; what runs goes on`);
    }
  };
  return () => {
    turn = turn.then(apply).catch((error: unknown) => report.warn(`The change was not applied: ${String(error)}`));
  };
}

function watchedFiles({ watched }: RunObjects, local: readonly LocalImage[]): readonly Watched[] {
  return [...watched, ...local.map(({ file }) => ({ folder: path.dirname(file), name: path.basename(file) }))];
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function readable(error: unknown): unknown {
  if (error instanceof RegistryError || error instanceof StoreError)
    return new Failure(error.message, { cause: error });
  return error;
}
