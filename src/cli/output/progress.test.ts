import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProgress, Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

function recorder(isInteractive: boolean): Terminal & { drawn: string[] } {
  const drawn: string[] = [];
  return {
    drawn,
    out: () => {},
    err: () => {},
    draw: (text) => void drawn.push(text),
    isInteractive,
    columns: 30,
    paint: (_, text) => text,
  };
}

test("formatProgress() draws a bar when the total is known and a note when not", () => {
  assert.equal(
    formatProgress({ label: "hello:v1", done: 1024, total: 2048 }),
    "hello:v1  [=========>          ]  50 %  1 KiB of 2 KiB",
  );
  assert.equal(formatProgress({ label: "hello:v1", note: "preparing" }), "hello:v1  preparing");
});

test("Progress draws lines again in place and cuts them at the terminal's width", () => {
  const terminal = recorder(true);
  const progress = new Progress(terminal);

  progress.set("a", { label: "a", note: "x".repeat(100) });
  progress.remove("a");

  assert.deepEqual(terminal.drawn, [`a  ${"x".repeat(26)}\n`, "\u001B[1A\u001B[J"]);
});

test("Progress says nothing where there is no terminal", () => {
  const terminal = recorder(false);

  new Progress(terminal).set("a", { label: "a" });

  assert.deepEqual(terminal.drawn, []);
});
