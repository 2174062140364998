import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { createLogger } from "./logger.ts";

test("createLogger() writes JSON lines of its level and above with their fields", async () => {
  await using dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-log-"));
  const file = path.join(dir.path, "log");
  const fd = openSync(file, "w");
  const log = createLogger("info", fd);

  log.debug("not told");
  log.info("pod started", { pod: "demo" });
  log.error("pod failed");
  closeSync(fd);

  const lines = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { level: number; time: string; msg: string; pod?: string });
  assert.deepEqual(
    lines.map(({ level, msg, pod }) => ({ level, msg, pod })),
    [
      { level: 30, msg: "pod started", pod: "demo" },
      { level: 50, msg: "pod failed", pod: undefined },
    ],
  );
  assert.match(lines[0]?.time ?? "", /^\d{4}-\d\d-\d\dT/);
});
