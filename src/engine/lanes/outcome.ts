import type { Outcome } from "../guest.ts";
import { type Ending, UNWIND } from "../instance/unwind.ts";

export interface Measured {
  readonly cpuMs: number;
  /** A `memory.grow` was refused. */
  readonly wasRefusedMemory: boolean;
}

/** What a run's ending means to who asked for it. */
export function outcomeOf(ending: Ending, { cpuMs, wasRefusedMemory }: Measured): Outcome {
  switch (ending.kind) {
    case "exited":
      if (wasRefusedMemory && ending.code !== 0) return { ...ending, outOfMemory: true, cpuMs };
      return { kind: "exited", code: ending.code, cpuMs };
    case "trapped":
      return { kind: "trapped", message: ending.message, outOfMemory: wasRefusedMemory, cpuMs };
    case "stopped":
      return { kind: "stopped", reason: ending.reason, cpuMs };
    case "abandoned":
      throw new Error(`A run that was abandoned (${ending.reason}) has no outcome`, { cause: UNWIND });
  }
}
