// A program of Go: 3 MB built, so the test builds it, where there is a Go of 1.21 or newer.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { PROGRAMS, runAsCommand, runAsHandler } from "./run-program.ts";
import { ANSWERS, TOUR } from "./tour.ts";

const skip = spawnSync("go", ["version"]).status === 0 ? false : "no Go here";

describe("a program of Go", { skip }, () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "wasipool-go-"));
    const { status, stderr } = spawnSync("go", ["build", "-o", path.join(folder, "tour.wasm"), "."], {
      cwd: path.join(PROGRAMS, "go"),
      env: { ...process.env, GOOS: "wasip1", GOARCH: "wasm" },
    });
    assert.equal(status, 0, String(stderr));
  });
  after(() => rmSync(folder, { recursive: true }));

  test("runCommand() gives it arguments, environment, streams, files, clock and random numbers", async () => {
    assert.deepEqual(await runAsCommand(path.join(folder, "tour.wasm")), TOUR);
  });

  test("Guest.run() answers requests with it", async () => {
    assert.deepEqual(await runAsHandler(path.join(folder, "tour.wasm")), ANSWERS);
  });
});
