import { randomUUID } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { type Digest, isDigest } from "../reference/digest.ts";
import { type LockedFile, tryLock } from "./file-lock.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Keeps digests from being collected until it is disposed of, or its process ends. */
export interface Lease extends AsyncDisposable {
  /** Takes more digests under this lease. Add one before asking whether the store has it. */
  add(...digests: readonly Digest[]): Promise<void>;
}

/**
 * The digests this process uses, in one file that it keeps locked: other processes read it while the lock is held, and remove it
 * once it is not. All methods are to be called under the store's lock, which orders them between processes.
 */
export class LeaseFile implements AsyncDisposable {
  /** Names this process among those that use the store; begins the names of its files in `ingest`. */
  readonly owner: string;
  readonly #file: string;
  readonly #locked: LockedFile;
  readonly #counts = new Map<Digest, number>();

  private constructor(owner: string, file: string, locked: LockedFile) {
    this.owner = owner;
    this.#file = file;
    this.#locked = locked;
  }

  static async create(layout: StoreLayout): Promise<LeaseFile> {
    const owner = randomUUID();
    const file = path.join(layout.leases, owner);
    const locked = await tryLock(file);
    if (!locked) throw new Error(`Cannot lock the new file ${file}`);
    return new LeaseFile(owner, file, locked);
  }

  async add(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1);
    await this.#write();
  }

  async drop(digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) {
      const count = (this.#counts.get(digest) ?? 0) - 1;
      if (count > 0) this.#counts.set(digest, count);
      else this.#counts.delete(digest);
    }
    await this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#file, { force: true });
    await this.#locked[Symbol.asyncDispose]();
  }

  async #write(): Promise<void> {
    const { handle } = this.#locked;
    await handle.truncate(0);
    await handle.appendFile([...this.#counts.keys()].join("\n"));
  }
}

/**
 * Digests that any process uses. Files that ended processes left behind (leases and unfinished writes) are removed.
 * To be called under the store's lock.
 */
export async function readLeases(layout: StoreLayout): Promise<ReadonlySet<Digest>> {
  const leased = new Set<Digest>();
  const alive = new Set<string>();
  for (const owner of await readdir(layout.leases)) {
    const file = path.join(layout.leases, owner);
    const locked = await tryLock(file);
    if (locked) {
      await rm(file, { force: true });
      await locked[Symbol.asyncDispose]();
      continue;
    }
    alive.add(owner);
    const lines = (await readFile(file, "utf8")).split("\n");
    for (const line of lines) if (isDigest(line)) leased.add(line);
  }
  for (const name of await readdir(layout.ingest)) {
    if (!alive.has(name.split(".", 1)[0] ?? "")) await rm(path.join(layout.ingest, name), { force: true });
  }
  return leased;
}
