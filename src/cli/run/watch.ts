import { type FSWatcher, watch } from "node:fs";
import type { Clock } from "../../base/index.ts";
import type { Watched } from "./inputs.ts";

/** Editors write a file in several steps; a change is told when nothing more happened for this long. */
const QUIET_MS = 100;

/**
 * Calls `onChange` after watched files changed, once per burst, until the signal aborts. It is folders that are watched, since editors
 * replace files by renaming.
 */
export function watchFiles(watched: readonly Watched[], clock: Clock, signal: AbortSignal, onChange: () => void): void {
  let timer: Disposable | undefined;
  const changed = () => {
    timer?.[Symbol.dispose]();
    timer = clock.after(QUIET_MS, onChange);
  };
  const watchers = watched.map((target) => watchFolder(target, changed));
  const stop = () => {
    timer?.[Symbol.dispose]();
    for (const watcher of watchers) watcher.close();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
}

function watchFolder(target: Watched, changed: () => void): FSWatcher {
  const watcher = watch(target.folder, { persistent: false }, (_event, name) => {
    if (name === null || target.name === undefined || name === target.name) changed();
  });
  // The folder went away: nothing more will change in it, and what runs goes on.
  watcher.on("error", () => watcher.close());
  return watcher;
}
