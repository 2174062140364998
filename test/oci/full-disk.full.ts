// A store on a disk that is really full: a small tmpfs, which only root may mount. Skipped, and said so, elsewhere.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { getuid } from "node:process";
import { test } from "node:test";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import {
  createImageClient,
  createImageStore,
  DEFAULT_LIMITS,
  exactNaming,
  LayoutRepository,
  LayoutWriter,
  packImage,
  parseReference,
  pushImage,
} from "../../src/oci/index.ts";

const skip = getuid?.() === 0 ? false : "only root may mount a small disk";

test(
  "load() on a full disk says so, leaves nothing behind, and works again once there is space",
  { skip },
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "wasipool-full-"));
    const disk = path.join(folder, "disk");
    await mkdir(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", disk]);
    assert.equal(mounted.status, 0, String(mounted.stderr));
    try {
      const layout = path.join(folder, "layout");
      const push = (name: string, bytes: number) =>
        pushImage(
          packImage(Buffer.concat([Buffer.from("0061736d01000000", "hex"), Buffer.alloc(bytes)])),
          { repository: new LayoutWriter(layout, DEFAULT_LIMITS), tag: name },
          { limits: DEFAULT_LIMITS },
        );
      await push("big", 1_000_000);
      await push("small", 1000);
      const root = path.join(disk, "store");
      await using store = await createImageStore({ root, clock: systemClock, log: silentLogger });
      await using client = createImageClient({ store, clock: systemClock, log: silentLogger });
      const repository = new LayoutRepository(layout, exactNaming, DEFAULT_LIMITS);
      const load = (name: string) =>
        client.load({ repository, tagOrDigest: name }, parseReference(`registry.example/${name}:v1`));

      await assert.rejects(load("big"), { code: "NO_SPACE", message: /no space is left on the disk; free some/ });

      assert.deepEqual(await readdir(path.join(root, "ingest")), []);
      assert.deepEqual(await store.list(), []);
      assert.equal((await load("small")).moduleBytes, 1008);
    } finally {
      spawnSync("umount", ["-l", disk]);
      await rm(folder, { recursive: true });
    }
  },
);
