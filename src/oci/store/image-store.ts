import { readdir, rm, stat, statfs, utimes } from "node:fs/promises";
import path from "node:path";
import type { Clock, Logger } from "../../base/index.ts";
import { storeError } from "../errors.ts";
import { type Digest, isDigest } from "../reference/digest.ts";
import { BlobFolder } from "./blob-folder.ts";
import { usageByDigest, usageOf } from "./disk-usage.ts";
import { lock } from "./file-lock.ts";
import { type GarbagePlan, isLeased, planGarbage, type StoreContents, unused } from "./garbage.ts";
import { enter, findRecord, type ImageRecord } from "./image-record.ts";
import { IndexFile } from "./index-file.ts";
import { type Lease, LeaseFile, readLeases } from "./leases.ts";
import { StoreLayout } from "./store-layout.ts";

/** An image in the store. Plain data. */
export interface StoredImage {
  /** `sha256:…` of the manifest; the image's identity. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** `docker.io/library/hello:latest`, … */
  readonly tags: readonly string[];
  /** `docker.io/library/hello@sha256:…`, … */
  readonly digests: readonly string[];
  readonly kind: "module" | "component";
  readonly moduleDigest: Digest;
  readonly moduleBytes: number;
  /** File of the module. Read-only: it is shared by all images with this module. */
  readonly modulePath: string;
  /** All its blobs together; what was prepared from it is counted by `usage`. */
  readonly sizeBytes: number;
  readonly pulledAt: string;
}

export interface StoreUsage {
  readonly root: string;
  readonly bytes: number;
  readonly files: number;
}

/** How far garbage collection goes: down to a size, or, once the disk is fuller than `highPercent`, down to `lowPercent`. */
export type GarbageGoal = { readonly maxBytes: number } | { readonly highPercent: number; readonly lowPercent: number };

export interface GarbageReport {
  /** Digests of the manifests of removed images. */
  readonly images: readonly Digest[];
  readonly freedBytes: number;
}

export interface Removal {
  /** The name that is gone. */
  readonly name: string;
  /** False when other names or a lease keep the image. */
  readonly isDeleted: boolean;
  readonly freedBytes: number;
}

export interface ImageStoreOptions {
  /** Folder of the store; made with mode 0700 when absent. */
  readonly root: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Images on disk. Several processes may use one store: what they change is ordered by a lock, what they use is leased.
 * Dispose of it to give up its leases. All methods throw StoreError for what is wrong with the disk.
 */
export interface ImageStore extends AsyncDisposable {
  readonly root: string;
  readonly blobs: BlobFolder;
  list(): Promise<readonly StoredImage[]>;
  /** By `formatReference()` of a reference, or by `sha256:…` of the manifest. Undefined unless its module is there. */
  find(name: string): Promise<StoredImage | undefined>;
  /** Enters an image whose blobs are in the store and leased. Tags that named another image name this one from now on. */
  record(record: ImageRecord): Promise<StoredImage>;
  /** Takes a name from its image, or all names when `name` is the manifest's digest; without names and leases it is deleted. Undefined when there is no such image. */
  remove(name: string): Promise<Removal | undefined>;
  /** Keeps images (by digest of manifest or module) and blobs from being collected, and notes them as used now. */
  lease(...digests: readonly Digest[]): Promise<Lease>;
  /**
   * Folder for what `version` of the preparing made of a module; not made yet. Collected with the module, and when this store was
   * last asked for another version.
   */
  preparedFolder(moduleDigest: Digest, version: string): string;
  collectGarbage(goal: GarbageGoal): Promise<GarbageReport>;
  usage(): Promise<StoreUsage>;
  /** The record behind an image, for copying it. */
  recordOf(digest: Digest): Promise<ImageRecord | undefined>;
}

/** Opens the store in a folder, or makes one. Throws StoreError UNKNOWN_FORMAT, NO_ACCESS or NO_SPACE. */
export async function createImageStore(options: ImageStoreOptions): Promise<ImageStore> {
  const layout = new StoreLayout(options.root);
  try {
    await layout.create();
    await using _ = await lock(layout.lock, options.clock);
    const leases = await LeaseFile.create(layout);
    await readLeases(layout);
    return new DiskImageStore(layout, leases, options);
  } catch (error) {
    throw storeError("open its folder", layout.root, error);
  }
}

const VERSION = /^\w[\w.-]{0,63}$/;

class DiskImageStore implements ImageStore {
  readonly root: string;
  readonly blobs: BlobFolder;
  readonly #layout: StoreLayout;
  readonly #leases: LeaseFile;
  readonly #index: IndexFile;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** The version of prepared modules that this process reads. */
  #preparedVersion: string | undefined;
  /** Ends when everybody of this process who asked for the lock before has let it go. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(layout: StoreLayout, leases: LeaseFile, { clock, log }: ImageStoreOptions) {
    this.root = layout.root;
    this.blobs = new BlobFolder(layout, leases.owner);
    this.#layout = layout;
    this.#leases = leases;
    this.#index = new IndexFile(layout.index);
    this.#clock = clock;
    this.#log = log;
  }

  async list(): Promise<readonly StoredImage[]> {
    return (await this.#index.read()).map((record) => this.#view(record));
  }

  async find(name: string): Promise<StoredImage | undefined> {
    const record = findRecord(await this.#index.read(), name);
    if (!record || !(await this.#isWhole(record))) return undefined;
    return this.#view(record);
  }

  async recordOf(digest: Digest): Promise<ImageRecord | undefined> {
    return findRecord(await this.#index.read(), digest);
  }

  record(record: ImageRecord): Promise<StoredImage> {
    return this.#change(`enter ${record.tags[0] ?? record.digest}`, async (records) => {
      const entered = enter(records, record);
      await this.#write([...entered.others, entered.record]);
      return this.#view(entered.record);
    });
  }

  remove(name: string): Promise<Removal | undefined> {
    return this.#change(`remove ${name}`, async (records) => {
      const record = findRecord(records, name);
      if (!record) return undefined;
      const rest = withoutName(record, name);
      const leased = await readLeases(this.#layout);
      const isDeleted = rest.tags.length + rest.digests.length === 0 && !isLeased(record, leased);
      if (isDeleted) {
        const plan = unused(await this.#contents(records, leased), new Set([record]));
        await this.#apply(plan, records);
        return { name, isDeleted, freedBytes: plan.freedBytes };
      }
      await this.#write(records.map((other) => (other === record ? rest : other)));
      return { name, isDeleted, freedBytes: 0 };
    });
  }

  async lease(...digests: readonly Digest[]): Promise<Lease> {
    const held: Digest[] = [];
    const add = async (...added: readonly Digest[]) => {
      await this.#locked("lease", () => this.#leases.add(added));
      held.push(...added);
      await this.#noteUse(added);
    };
    await add(...digests);
    return {
      add,
      [Symbol.asyncDispose]: () => this.#locked("end a lease", () => this.#leases.drop(held.splice(0))),
    };
  }

  preparedFolder(moduleDigest: Digest, version: string): string {
    if (!isDigest(moduleDigest)) throw new SyntaxError(`"${String(moduleDigest)}" is no digest of a module`);
    if (!VERSION.test(version)) throw new SyntaxError(`"${version}" cannot name a version of prepared modules`);
    this.#preparedVersion = version;
    return path.join(this.#layout.preparedOf(moduleDigest), version);
  }

  collectGarbage(goal: GarbageGoal): Promise<GarbageReport> {
    return this.#change("collect garbage", async (records) => {
      const leased = await readLeases(this.#layout);
      await this.#removeOldPrepared(leased);
      const contents = await this.#contents(records, leased);
      const plan = planGarbage(contents, await this.#excess(goal, contents));
      await this.#apply(plan, records);
      if (plan.freedBytes > 0) this.#log.info("images collected", { images: plan.images.size, bytes: plan.freedBytes });
      return { images: [...plan.images], freedBytes: plan.freedBytes };
    });
  }

  async usage(): Promise<StoreUsage> {
    return { root: this.root, ...(await usageOf(this.root)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#locked("close", () => this.#leases[Symbol.asyncDispose]());
  }

  #change<Result>(action: string, run: (records: readonly ImageRecord[]) => Promise<Result>): Promise<Result> {
    return this.#locked(action, async () => run(await this.#index.read()));
  }

  #locked<Result>(action: string, run: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(() => this.#lockedAlone(action, run));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #lockedAlone<Result>(action: string, run: () => Promise<Result>): Promise<Result> {
    try {
      await using _ = await lock(this.#layout.lock, this.#clock);
      return await run();
    } catch (error) {
      throw storeError(action, this.root, error);
    }
  }

  #write(records: readonly ImageRecord[]): Promise<void> {
    return this.#index.write(records, this.#layout.ingest);
  }

  /** The index first: what it no longer names may then be half removed by a crash, and is unused from then on. */
  async #apply(plan: GarbagePlan, records: readonly ImageRecord[]): Promise<void> {
    await this.#write(records.filter(({ digest }) => !plan.images.has(digest)));
    for (const digest of plan.prepared) await rm(this.#layout.preparedOf(digest), { recursive: true, force: true });
    for (const digest of plan.blobs) await rm(this.#layout.blob(digest), { force: true });
  }

  /** What another version of wasipool prepared: nobody reads it any more, and it is made anew if somebody does. */
  async #removeOldPrepared(leased: ReadonlySet<Digest>): Promise<void> {
    if (this.#preparedVersion === undefined) return;
    for (const digest of (await usageByDigest(this.#layout.prepared)).keys()) {
      if (leased.has(digest)) continue;
      const folder = this.#layout.preparedOf(digest);
      const old = (await readdir(folder)).filter((version) => version !== this.#preparedVersion);
      for (const version of old) await rm(path.join(folder, version), { recursive: true, force: true });
    }
  }

  async #contents(images: readonly ImageRecord[], leased: ReadonlySet<Digest>): Promise<StoreContents> {
    const lastUsed = new Map<Digest, number>();
    for (const { digest } of images) {
      const found = await stat(this.#layout.blob(digest)).catch(() => undefined);
      lastUsed.set(digest, found?.mtimeMs ?? 0);
    }
    const blobBytes = await usageByDigest(this.#layout.blobs);
    const preparedBytes = await usageByDigest(this.#layout.prepared);
    return { images, leased, lastUsed, blobBytes, preparedBytes };
  }

  async #excess(goal: GarbageGoal, { blobBytes, preparedBytes }: StoreContents): Promise<number> {
    if ("maxBytes" in goal) {
      const used = [...blobBytes.values(), ...preparedBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
      return used - goal.maxBytes;
    }
    const { blocks, bavail, bsize } = await statfs(this.root);
    const usedPercent = 100 * (1 - bavail / blocks);
    return usedPercent < goal.highPercent ? 0 : ((usedPercent - goal.lowPercent) / 100) * blocks * bsize;
  }

  /** The manifest's file carries the time of the image's last use. */
  async #noteUse(digests: readonly Digest[]): Promise<void> {
    const now = this.#clock.now() / 1000;
    for (const digest of digests) await utimes(this.#layout.blob(digest), now, now).catch(() => {});
  }

  #isWhole({ moduleDigest, moduleBytes }: ImageRecord): Promise<boolean> {
    return this.blobs.has({ digest: moduleDigest, size: moduleBytes });
  }

  #view(record: ImageRecord): StoredImage {
    const { digest, mediaType, kind, moduleDigest, moduleBytes, tags, digests, pulledAt, blobs } = record;
    const sizeBytes = blobs.reduce((sum, { size }) => sum + size, 0);
    const modulePath = this.#layout.blob(moduleDigest);
    return { digest, mediaType, tags, digests, kind, moduleDigest, moduleBytes, modulePath, sizeBytes, pulledAt };
  }
}

function withoutName(record: ImageRecord, name: string): ImageRecord {
  if (record.digest === name) return { ...record, tags: [], digests: [] };
  const tags = record.tags.filter((tag) => tag !== name);
  // Digests stand for what tags were resolved to; without any tag of their repository they name nothing the user asked for.
  const repositories = new Set(tags.map((tag) => tag.slice(0, tag.lastIndexOf(":"))));
  const wasTag = tags.length < record.tags.length;
  const digests = record.digests.filter(
    (each) => each !== name && !(wasTag && !repositories.has(each.slice(0, each.indexOf("@")))),
  );
  return { ...record, tags, digests };
}
