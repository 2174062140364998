import type { Clock } from "../base/index.ts";

/**
 * One Ctrl-C reaches a process more than once: from the terminal, which tells the whole process group, and again from each npm or launcher
 * above that hands it on. What comes this soon after the first is the same key press.
 */
const SAME_PRESS_MS = 300;

/** Interruptions of a command: the first asks it to end, a later one ends it at once. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** Call for each signal of the system that asks the process to end. */
  receive(name: string): void;
}

export function createInterrupt(clock: Pick<Clock, "monotonic">, endAtOnce: () => void): Interrupt {
  const controller = new AbortController();
  let firstAt = 0;
  return {
    signal: controller.signal,
    receive(name) {
      if (!controller.signal.aborted) {
        firstAt = clock.monotonic();
        controller.abort(new Error(`${name} received`));
      } else if (clock.monotonic() - firstAt >= SAME_PRESS_MS) endAtOnce();
    },
  };
}
