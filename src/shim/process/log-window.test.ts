import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTAINER_WINDOW_BYTES, LogWindow, TOTAL_WINDOW_BYTES } from "./log-window.ts";

test("LogWindow closes for a container at its window and opens when something was written", async () => {
  const window = new LogWindow();
  window.sent("a", CONTAINER_WINDOW_BYTES - 1);
  assert.equal(window.isOpen("a"), true);
  window.sent("a", 1);
  assert.equal(window.isOpen("a"), false);
  assert.equal(window.isOpen("b"), true);

  const opened = window.whenOpen("a");
  window.written("a", 1);

  await opened;
  assert.equal(window.isOpen("a"), true);
});

test("LogWindow closes for all at the window of the process", async () => {
  const window = new LogWindow();
  const containers = TOTAL_WINDOW_BYTES / CONTAINER_WINDOW_BYTES;
  for (let n = 0; n < containers; n++) window.sent(`c${n}`, CONTAINER_WINDOW_BYTES);
  assert.equal(window.isOpen("other"), false);

  const opened = window.whenOpen("other");
  window.written("c0", 1);

  await opened;
});

test("LogWindow does not believe that more was written than was sent", () => {
  const window = new LogWindow();
  window.sent("a", 10);

  window.written("a", Number.MAX_SAFE_INTEGER);
  window.written("unknown", 5);
  window.sent("a", CONTAINER_WINDOW_BYTES);

  assert.equal(window.isOpen("a"), false);
});

test("LogWindow.takeLost() tells each loss once", () => {
  const window = new LogWindow();
  window.lost("a", 3);
  window.lost("a", 4);

  assert.deepEqual([window.takeLost("a"), window.takeLost("a"), window.takeLost("b")], [7, 0, 0]);
});
