import { type Inspection, inspectModule } from "../../runtime/index.ts";
import { instrument, type StateLayout } from "../../wasm/index.ts";

/** What a module is, and whether it runs here. */
export interface Verdict extends Inspection {
  /** Why each run needs a new instance, one sentence each; empty when instances serve again. Absent when it cannot run. */
  readonly freshInstances?: readonly string[];
}

/** A module that runs here, prepared for it. */
export interface Runnable {
  readonly bytes: Uint8Array;
  readonly layout: StateLayout;
}

/** Inspects a module and, if nothing speaks against it, prepares it as a node would: what that refuses cannot run. */
export function judge(bytes: Uint8Array): { readonly verdict: Verdict; readonly runnable?: Runnable } {
  const inspection = inspectModule(bytes);
  if (inspection.problems.length > 0) return { verdict: inspection };
  try {
    const runnable = instrument(bytes);
    if (!inspection.exports.some(({ isEntrypoint }) => isEntrypoint)) return { verdict: refused(inspection, NO_ENTRY) };
    return { verdict: { ...inspection, freshInstances: runnable.layout.freshOnly }, runnable };
  } catch (error) {
    return { verdict: refused(inspection, (error as Error).message) };
  }
}

const NO_ENTRY = "It exports no function without parameters and results, so there is nothing to call";

function refused(inspection: Inspection, problem: string): Verdict {
  return { ...inspection, problems: [problem] };
}
