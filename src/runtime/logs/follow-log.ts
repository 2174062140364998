import { watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import path from "node:path";
import { type Clock, sleep } from "../../base/index.ts";
import { type LogRecord, MAX_RECORD_BYTES, parseRecord } from "./format.ts";
import { rotatedFiles } from "./log-file.ts";

export interface FollowOptions {
  readonly clock: Clock;
  /** Records from the end of the file to begin with. @default all */
  readonly tail?: number;
  /** Go on at the end of the file, also in the next one after a rotation. @default false */
  readonly follow?: boolean;
  /** Ends at once. */
  readonly signal?: AbortSignal;
  /** With `follow`: once aborted, what is already written is still read, then it ends. For a container that stopped. */
  readonly ended?: AbortSignal;
}

const CHUNK_BYTES = 64 * 1024;
/** A line longer than any record is not ours; it is cut, so that a strange file cannot fill the memory. */
const MAX_LINE_BYTES = 2 * MAX_RECORD_BYTES;
/** Between looks at a file when the system cannot watch its folder (limit of watches reached). */
const POLL_MS = 250;

/**
 * Reads a container's log file in the CRI format. Throws ENOENT when there is none and `follow` is not set.
 * @yields records in the order they were written
 */
export async function* followLog(filePath: string, options: FollowOptions): AsyncGenerator<LogRecord> {
  using changes = watchFolder(filePath, options);
  let current = await openFirst(filePath, options, changes);
  if (!current) return;
  try {
    const lines = new LineSplitter();
    let position = options.tail === undefined ? 0 : await tailPosition(current, options.tail);
    for (;;) {
      const isLast = options.ended?.aborted === true;
      position = yield* readRecords(current, position, lines, options);
      if (!options.follow || options.signal?.aborted) return;
      const next = await openNext(filePath, current);
      if (next) {
        // What was appended between our last read and the rotation.
        yield* readRecords(current, position, lines, options);
        await current.close();
        current = next;
        position = 0;
      } else if (isLast) return;
      else await changes.next();
    }
  } finally {
    await current.close();
  }
}

async function* readRecords(
  file: FileHandle,
  from: number,
  lines: LineSplitter,
  { signal }: FollowOptions,
): AsyncGenerator<LogRecord, number> {
  let position = from;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    if (bytesRead === 0 || signal?.aborted) return position;
    position += bytesRead;
    for (const line of lines.split(buffer.subarray(0, bytesRead))) {
      const record = parseRecord(line);
      if (record) yield record;
    }
  }
}

/** Cuts chunks into lines; what follows the last newline waits for the next chunk. */
class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  *split(chunk: Buffer): Generator<string> {
    const bytes = Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let end = bytes.indexOf("\n"); end >= 0; end = bytes.indexOf("\n", at)) {
      yield bytes.toString("utf8", at, end);
      at = end + 1;
    }
    this.#rest = Buffer.from(bytes.subarray(at, at + MAX_LINE_BYTES));
  }
}

/** Where the last `count` lines begin. */
async function tailPosition(file: FileHandle, count: number): Promise<number> {
  let position = (await file.stat()).size;
  // The newline that ends the last line does not begin another.
  let wanted = count + 1;
  const chunk = Buffer.alloc(CHUNK_BYTES);
  while (position > 0) {
    const length = Math.min(CHUNK_BYTES, position);
    position -= length;
    await file.read(chunk, 0, length, position);
    for (let at = chunk.lastIndexOf(0x0a, length - 1); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf(0x0a, at - 1)) {
      wanted--;
      if (wanted === 0) return position + at + 1;
    }
  }
  return 0;
}

async function openFirst(filePath: string, options: FollowOptions, changes: Changes): Promise<FileHandle | undefined> {
  while (!options.signal?.aborted) {
    try {
      return await open(filePath, "r");
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!isMissing || !options.follow) throw error;
      if (options.ended?.aborted) return undefined;
    }
    await changes.next();
  }
  return undefined;
}

/** The file that follows `current` in time, or undefined while it is the newest. */
async function openNext(filePath: string, current: FileHandle): Promise<FileHandle | undefined> {
  const { ino } = await current.stat();
  const newest = await stat(filePath).catch(() => undefined);
  if (!newest || newest.ino === ino) return undefined;
  const files = [...(await rotatedFiles(filePath)), filePath];
  const inodes = await Promise.all(files.map(async (file) => (await stat(file).catch(() => undefined))?.ino));
  // Not found (-1): rotated away meanwhile; go on with the oldest that is left.
  const next = files[inodes.indexOf(ino) + 1];
  return next === undefined ? undefined : open(next, "r").catch(() => undefined);
}

interface Changes extends Disposable {
  /** Resolves when the folder changed since the last call, or a signal was aborted. */
  next(): Promise<void>;
}

function watchFolder(filePath: string, { clock, follow, signal, ended }: FollowOptions): Changes {
  let changed = Promise.withResolvers<void>();
  const notify = () => changed.resolve();
  const watcher = follow ? tryWatch(path.dirname(filePath), notify) : undefined;
  signal?.addEventListener("abort", notify);
  ended?.addEventListener("abort", notify);
  return {
    async next() {
      await (watcher ? changed.promise : Promise.race([changed.promise, sleep(clock, POLL_MS)]));
      changed = Promise.withResolvers<void>();
      if (signal?.aborted || ended?.aborted) notify();
    },
    [Symbol.dispose]() {
      watcher?.close();
      signal?.removeEventListener("abort", notify);
      ended?.removeEventListener("abort", notify);
    },
  };
}

function tryWatch(folder: string, notify: () => void) {
  try {
    // An event may come before the first wait: it is kept, as the promise stays resolved until then.
    return watch(folder, { persistent: false }, notify).on("error", notify);
  } catch {
    return undefined;
  }
}
