import { type FileHandle, open } from "node:fs/promises";
import { type Clock, errno, openLibc, sleep } from "../../base/index.ts";
import { StoreError } from "../errors.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

/** Longest wait for another process's lock. It is held for milliseconds, or for as long as a garbage collection lists folders. */
export const LOCK_TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

const libc = openLibc({ flock: { arguments: ["int32", "int32"], return: "int32" } });

/**
 * A file locked by this process, by flock(2): the kernel lets it go when the process ends, however it ends, so a crash leaves no
 * stale lock. Two handles in one process exclude each other too.
 */
export interface LockedFile extends AsyncDisposable {
  readonly handle: FileHandle;
}

/** Locks a file, made if it is absent; undefined when another handle holds it. */
export async function tryLock(file: string): Promise<LockedFile | undefined> {
  const handle = await open(file, "a+", 0o600);
  // Without blocking: this runs on the main thread.
  if (libc.flock(handle.fd, LOCK_EX | LOCK_NB) === 0) {
    return { handle, [Symbol.asyncDispose]: () => handle.close() };
  }
  const code = errno();
  await handle.close();
  if (code === EWOULDBLOCK) return undefined;
  throw new Error(`Cannot lock ${file}: flock failed with errno ${code}`);
}

/** Waits for the lock. Throws StoreError BUSY after LOCK_TIMEOUT_MS. */
export async function lock(file: string, clock: Clock): Promise<LockedFile> {
  const deadline = clock.monotonic() + LOCK_TIMEOUT_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    const locked = await tryLock(file);
    if (locked) return locked;
    if (clock.monotonic() >= deadline) {
      throw new StoreError("BUSY", `Another process has held ${file} for ${LOCK_TIMEOUT_MS / 1000} s; end it or wait`);
    }
    await sleep(clock, pauseMs);
  }
}
