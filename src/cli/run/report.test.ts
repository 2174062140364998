import assert from "node:assert/strict";
import { test } from "node:test";
import type { Terminal } from "../output/index.ts";
import { createJsonReport } from "./json-report.ts";
import type { PodView } from "./report.ts";
import { TextReport } from "./text-report.ts";

function recorder(): Terminal & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    out: (text) => void lines.push(text),
    err: (text) => void lines.push(`! ${text}`),
    draw: () => {},
    isInteractive: false,
    columns: 80,
    paint: (_style, text) => text,
  };
}

const POD: PodView = {
  namespace: "default",
  name: "demo",
  status: "Running",
  isSettled: true,
  containers: [
    { name: "hello", state: "Running", isReady: true, restarts: 0 },
    { name: "job", state: "Error", isReady: false, restarts: 2, exitCode: 3, message: "unreachable" },
  ],
  routes: [{ route: "/hello/...", url: "http://127.0.0.1:3001/hello", container: "hello", isReady: true }],
};

test("TextReport shows pods, containers and routes once they have settled, and not twice", () => {
  const terminal = recorder();
  const report = new TextReport(terminal);

  report.state([{ ...POD, isSettled: false }]);
  report.state([POD]);
  report.state([POD]);

  assert.deepEqual(terminal.lines, [
    `POD    READY   STATUS    RESTARTS
demo   1/2     Running   2

POD    CONTAINER   STATE                 MESSAGE
demo   hello       Running
demo   job         Error (exit code 3)   unreachable

ROUTE        URL                           CONTAINER
/hello/...   http://127.0.0.1:3001/hello   hello
`,
  ]);
});

test("TextReport prefixes log lines, tells warnings and keeps quiet about ordinary events", () => {
  const terminal = recorder();
  const report = new TextReport(terminal);

  report.log({ pod: "demo", container: "hello", stream: "stdout", text: "hi" });
  report.event({ type: "Normal", pod: "demo", reason: "Pulled", message: "…" });
  report.event({ type: "Warning", pod: "demo", container: "job", reason: "BackOff", message: "Back-off" });
  report.warn("spec.nodeSelector is ignored");

  assert.deepEqual(terminal.lines, [
    "hello | hi",
    "! BackOff demo/job: Back-off",
    "! warning: spec.nodeSelector is ignored",
  ]);
});

test("TextReport sums up requests of containers that had any", () => {
  const terminal = recorder();

  new TextReport(terminal).summary({
    durationMs: 1,
    containers: [
      { pod: "demo", container: "hello", requests: 3, failures: 1 },
      { pod: "demo", container: "job", requests: 0, failures: 0 },
    ],
  });

  assert.deepEqual(terminal.lines, ["\nPOD    CONTAINER   REQUESTS   FAILURES\ndemo   hello       3          1"]);
});

test("createJsonReport() writes one object a line", () => {
  const terminal = recorder();
  const report = createJsonReport(terminal, () => 0);

  report.progress({ kind: "preparing", image: "a" });
  report.log({ pod: "demo", container: "hello", stream: "stderr", text: "hi" });

  assert.deepEqual(terminal.lines, [
    '{"time":"1970-01-01T00:00:00.000Z","event":"preparing","image":"a"}',
    '{"time":"1970-01-01T00:00:00.000Z","event":"log","pod":"demo","container":"hello","stream":"stderr","text":"hi"}',
  ]);
});
