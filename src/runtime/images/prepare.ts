import type { StateLayout } from "../../wasm/index.ts";
import { instrument } from "../../wasm/index.ts";
import { type Inspection, inspectModule } from "./inspect.ts";

/** A module made ready for the shim, or why it cannot be. */
export interface Preparation {
  readonly inspection: Inspection;
  /** Absent when `inspection.problems` says why. */
  readonly prepared?: { readonly bytes: Uint8Array; readonly layout: StateLayout };
}

/** Inspects and instruments. Takes milliseconds per megabyte, so it runs in a thread of its own. Never throws for what the file holds. */
export function prepareModule(bytes: Uint8Array): Preparation {
  const inspection = inspectModule(bytes);
  if (inspection.problems.length > 0) return { inspection };
  try {
    return { inspection, prepared: instrument(bytes) };
  } catch (error) {
    return { inspection: { ...inspection, problems: [(error as Error).message] } };
  }
}
