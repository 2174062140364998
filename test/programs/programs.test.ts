// Programs of common toolchains, as commands and as handlers.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { PROGRAMS, runAsCommand, runAsHandler } from "./run-program.ts";
import { ANSWERS, TOUR, TOUR_WITHOUT_FILES } from "./tour.ts";

const TOURS = [
  ["tour-c.wasm", TOUR],
  ["tour-rust.wasm", TOUR],
  ["tour-assemblyscript.wasm", TOUR_WITHOUT_FILES],
] as const;

for (const [name, expected] of TOURS) {
  test(`runCommand() gives ${name} arguments, environment, streams, files, clock and random numbers`, async () => {
    assert.deepEqual(await runAsCommand(path.join(PROGRAMS, name)), expected);
  });

  test(`Guest.run() answers requests with ${name}`, async () => {
    assert.deepEqual(await runAsHandler(path.join(PROGRAMS, name)), ANSWERS);
  });
}

test("runCommand() serves wasi_unstable as it was", async () => {
  const arguments_ = "argument: one\nargument: two three\nenv: GREETING=good day\n";

  assert.deepEqual(await runAsCommand(path.join(PROGRAMS, "unstable.wasm")), {
    exitCode: 3,
    message: "",
    stdout: `${arguments_}size: ok\nposition: ok\nread: ello\n`,
    stderr: "",
    output: undefined,
  });
});
