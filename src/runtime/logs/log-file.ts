import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";

/** When a log file is put aside, and how many files of one log stay, the current one included. */
export interface Rotation {
  /** @default 10 MiB */
  readonly maxBytes: number;
  /** @default 5 */
  readonly maxFiles: number;
}

/** The kubelet's defaults (containerLogMaxSize, containerLogMaxFiles). */
const DEFAULT_ROTATION: Rotation = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };
const MIN_BYTES = 4096;

/** The defaults, with what the settings say instead. Throws RangeError for what would keep no log or rotate at each line. */
export function resolveRotation(settings: Partial<Rotation> = {}): Rotation {
  const rotation = { ...DEFAULT_ROTATION, ...settings };
  const { maxBytes, maxFiles } = rotation;
  if (!(maxBytes >= MIN_BYTES))
    throw new RangeError(`Log rotation: maxBytes must be at least ${MIN_BYTES}, not ${maxBytes}`);
  if (!(Number.isInteger(maxFiles) && maxFiles >= 1))
    throw new RangeError(`Log rotation: maxFiles must be a whole number from 1, not ${maxFiles}`);
  return rotation;
}

// A container's log may hold secrets, and its folder may be open to others: own files only, never through a planted link.
const OPEN_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

const NEWLINE = Buffer.from("\n");

/** An open log file that is rotated by size: `0.log` becomes `0.log.20261124-154501`, as the kubelet names them. */
export class LogFile implements AsyncDisposable {
  readonly #path: string;
  readonly #rotation: Rotation;
  #handle: FileHandle;
  #bytes: number;
  /** The file ends within a record: the disk was full. */
  #isTorn = false;

  private constructor(filePath: string, rotation: Rotation, handle: FileHandle, bytes: number) {
    this.#path = filePath;
    this.#rotation = rotation;
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /** Opens or makes the file (0600) and its folder (0700). */
  static async open(filePath: string, rotation: Rotation): Promise<LogFile> {
    await mkdir(path.dirname(filePath), { recursive: true, mode: 0o700 });
    const handle = await open(filePath, OPEN_FLAGS, 0o600);
    return new LogFile(filePath, rotation, handle, (await handle.stat()).size);
  }

  /** Appends whole records, after rotating when they would make the file too large. After a cut one, on a line of their own. */
  async append(records: Buffer, nowMs: number): Promise<void> {
    if (this.#bytes > 0 && this.#bytes + records.length > this.#rotation.maxBytes) await this.#rotate(nowMs);
    const whole = this.#isTorn ? Buffer.concat([NEWLINE, records]) : records;
    const { bytesWritten } = await this.#handle.write(whole);
    this.#bytes += bytesWritten;
    this.#isTorn = bytesWritten < whole.length && (this.#isTorn || bytesWritten > 0);
    if (bytesWritten < whole.length) throw new Error(`Only ${bytesWritten} of ${whole.length} bytes were written`);
  }

  async #rotate(nowMs: number): Promise<void> {
    await rename(this.#path, await freeName(this.#path, nowMs));
    const next = await open(this.#path, OPEN_FLAGS, 0o600);
    await this.#handle.close();
    this.#handle = next;
    this.#bytes = 0;
    this.#isTorn = false;
    const rotated = await rotatedFiles(this.#path);
    const surplus = rotated.slice(0, Math.max(0, rotated.length - (this.#rotation.maxFiles - 1)));
    await Promise.all(surplus.map((file) => rm(file, { force: true })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

/** Files that rotation put aside, oldest first. */
export async function rotatedFiles(filePath: string): Promise<string[]> {
  const prefix = `${path.basename(filePath)}.`;
  const names = await readdir(path.dirname(filePath));
  return names
    .filter((name) => /^\d{8}-\d{6}(?:\.\d{4})?$/.test(name.slice(prefix.length)) && name.startsWith(prefix))
    .toSorted()
    .map((name) => path.join(path.dirname(filePath), name));
}

/** A name by time; a busy container may rotate several times in a second, so a counter follows that keeps their order. */
async function freeName(filePath: string, nowMs: number): Promise<string> {
  const time = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  const base = `${filePath}.${time}`;
  const last = (await rotatedFiles(filePath)).findLast((file) => file.startsWith(base));
  if (last === undefined) return base;
  const counter = last === base ? 1 : Number(last.slice(base.length + 1)) + 1;
  return `${base}.${String(counter).padStart(4, "0")}`;
}
