import assert from "node:assert/strict";
import { mkdtempDisposable, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { systemClock } from "../../base/index.ts";
import { watchFiles } from "./watch.ts";

test("watchFiles() tells once of a file that an editor replaced, and not of its neighbours", async () => {
  await using dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-watch-"));
  const abort = new AbortController();
  await writeFile(path.join(dir.path, "pod.yaml"), "1");
  let changes = 0;
  const changed = Promise.withResolvers<void>();
  watchFiles([{ folder: dir.path, name: "pod.yaml" }], systemClock, abort.signal, () => {
    changes++;
    changed.resolve();
  });

  await writeFile(path.join(dir.path, "other.yaml"), "2");
  await writeFile(path.join(dir.path, "pod.yaml~"), "2");
  await rename(path.join(dir.path, "pod.yaml~"), path.join(dir.path, "pod.yaml"));
  const keepAlive = setInterval(() => {}, 1000);
  await changed.promise;

  clearInterval(keepAlive);
  abort.abort();
  assert.equal(changes, 1);
});
