import type { PullProgress } from "../../oci/index.ts";
import { Progress, type Terminal } from "../output/index.ts";

/** Runs a transfer with its progress drawn on a terminal; quiet elsewhere. */
export async function withProgress<Result>(
  terminal: Terminal,
  label: string,
  run: (onProgress: PullProgress) => Promise<Result>,
): Promise<Result> {
  const progress = new Progress(terminal);
  progress.set(label, { label, note: "connecting" });
  try {
    return await run((done, total) => progress.set(label, { label, done, total }));
  } finally {
    progress.remove(label);
  }
}
