import type { Terminal } from "../output/index.ts";
import type { Report } from "./report.ts";

/** Tells everything as JSON lines on standard output: one object a line, its `event` says what it is. */
export function createJsonReport(terminal: Terminal, now: () => number): Report {
  const tell = (event: string, fields: object) =>
    terminal.out(JSON.stringify({ time: new Date(now()).toISOString(), event, ...fields }));
  return {
    warn: (message) => tell("warning", { message }),
    progress: (step) => tell(step.kind === "done" ? "pulled" : step.kind, withoutKind(step)),
    state: (pods) => tell("state", { pods }),
    event: (event) => tell("pod-event", event),
    log: (line) => tell("log", line),
    summary: (summary) => tell("summary", summary),
  };
}

function withoutKind<Step extends { readonly kind: string }>({ kind: _kind, ...rest }: Step): Omit<Step, "kind"> {
  return rest;
}
