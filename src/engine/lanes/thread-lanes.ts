import type { Turns } from "../scheduling/turns.ts";
import type { HeldOutput } from "./held-output.ts";

/** A guest that wants an instance when there is room for one. */
export interface Starved {
  /** Its runs under way: who has fewest goes first. */
  readonly underWay: number;
  retry(): void;
}

/** What all guests of one thread share while they run. */
export interface ThreadLanes {
  readonly turns: Turns;
  /** Of the one run that is in the fast lane. */
  readonly stdout: HeldOutput;
  readonly stderr: HeldOutput;
  readonly starved: Set<Starved>;
  readonly onStuck: (digest: string) => void;
}
