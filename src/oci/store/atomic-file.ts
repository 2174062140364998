import { type FileHandle, open, rename, rm } from "node:fs/promises";
import path from "node:path";

/** Files of the store are for its user alone: images may be private. */
export const FILE_MODE = 0o600;
export const FOLDER_MODE = 0o700;

/**
 * Writes `file` so that it is there whole or not at all, also after a crash or power loss: `write` fills `unfinished` (on the same
 * file system), which is flushed and renamed once `commit` agrees. Whatever fails, `unfinished` is removed.
 */
export async function writeAtomic<Result>(
  unfinished: string,
  write: (handle: FileHandle) => Promise<Result>,
  commit: (result: Result) => Promise<string> | string,
): Promise<Result> {
  try {
    const handle = await open(unfinished, "wx", FILE_MODE);
    let result: Result;
    try {
      result = await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const file = await commit(result);
    await rename(unfinished, file);
    await syncFolder(path.dirname(file));
    return result;
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Makes renames in a folder last through a power loss. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
