import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { LogRing } from "./log-ring.ts";

test("LogRing gives back pieces in order, each with its stream", () => {
  const ring = new LogRing();

  ring.write("stdout", Buffer.from("one"));
  ring.write("stderr", Buffer.from("two"));

  assert.deepEqual(ring.read(), { stream: "stdout", text: Uint8Array.from(Buffer.from("one")) });
  assert.deepEqual(ring.read(), { stream: "stderr", text: Uint8Array.from(Buffer.from("two")) });
  assert.equal(ring.read(), undefined);
});

test("LogRing cuts a long write into pieces of 16 KiB and goes round its end", () => {
  const ring = new LogRing();
  for (let round = 0; round < 20; round++) {
    const bytes = Uint8Array.from({ length: 40_000 }, (_, index) => (index * 7 + round) % 256);

    ring.write("stdout", bytes);

    const pieces = [ring.read(), ring.read(), ring.read()].map((piece) => piece?.text ?? new Uint8Array());
    assert.deepEqual(
      pieces.map(({ length }) => length),
      [16_384, 16_384, 7_232],
    );
    assert.deepEqual(Uint8Array.from(Buffer.concat(pieces)), bytes);
    assert.equal(ring.read(), undefined);
  }
});

test("LogRing makes the writer wait for room and loses nothing", async () => {
  const ring = new LogRing();
  const source = `
    const { workerData } = require("node:worker_threads");
    import(workerData.file).then(({ LogRing }) => {
      const ring = new LogRing(workerData.memory);
      for (let n = 0; n < 100; n++) ring.write("stdout", new Uint8Array(10_000).fill(n));
    });`;
  const file = new URL("./log-ring.ts", import.meta.url).href;
  const worker = new Worker(source, { eval: true, workerData: { memory: ring.memory, file } });
  const seen: number[] = [];

  for (let bytes = 0; bytes < 1_000_000;) {
    const piece = ring.read();
    if (!piece) await ring.readable();
    else {
      bytes += piece.text.length;
      seen.push(piece.text[0] ?? -1);
    }
  }

  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, n) => n),
  );
  await worker.terminate();
});

test("LogRing.wake() ends the reader's waiting when the writer is gone", async () => {
  const ring = new LogRing();
  const waiting = ring.readable();

  ring.wake();
  await waiting;

  assert.equal(ring.read(), undefined);
});
