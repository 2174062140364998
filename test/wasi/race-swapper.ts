// A second tenant of the volume: exchanges `folder` (a folder) and `link` (a symlink to outside) as fast as it can, until told to stop.
import { openLibc } from "../../src/base/index.ts";
import { workerData } from "node:worker_threads";

/** What the swapper is started with. */
export interface SwapperData {
  /** Path of the volume. */
  readonly volume: string;
  /** Two int32: exchanges done, and whether to stop. */
  readonly shared: SharedArrayBuffer;
}

const RENAME_EXCHANGE = 2;
const AT_FDCWD = -100;

const { volume, shared } = workerData as SwapperData;
const state = new Int32Array(shared);
const libc = openLibc({
  renameat2: { arguments: ["int32", "buffer", "int32", "buffer", "uint32"], return: "int32" },
});
const folder = Buffer.from(`${volume}/folder\0`);
const link = Buffer.from(`${volume}/link\0`);

while (Atomics.load(state, 1) === 0) {
  const result = libc.renameat2(AT_FDCWD, folder, AT_FDCWD, link, RENAME_EXCHANGE);
  if (Number(result) !== 0) throw new Error("Cannot exchange the folder and the symlink");
  if (Atomics.add(state, 0, 1) === 0) Atomics.notify(state, 0);
}
