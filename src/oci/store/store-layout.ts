import { chmod, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { StoreError } from "../errors.ts";
import { type Digest, hexOf } from "../reference/digest.ts";
import { FOLDER_MODE, writeAtomic } from "./atomic-file.ts";

/** Version of the store's layout on disk; raised when older versions of wasipool could not read it. */
export const STORE_FORMAT = 1;

/**
 * Where things lie below the store's folder:
 * `format` the version; `lock` held while the index or leases change; `index.json` the images; `blobs/sha256/<hex>` what was
 * pulled, by digest; `prepared/<hex of the module>/<version>/` what was made from it; `leases/<owner>` digests in use by one
 * process; `ingest/<owner>.<n>` files being written.
 */
export class StoreLayout {
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  get lock(): string {
    return path.join(this.root, "lock");
  }

  get index(): string {
    return path.join(this.root, "index.json");
  }

  get blobs(): string {
    return path.join(this.root, "blobs", "sha256");
  }

  get prepared(): string {
    return path.join(this.root, "prepared");
  }

  get leases(): string {
    return path.join(this.root, "leases");
  }

  get ingest(): string {
    return path.join(this.root, "ingest");
  }

  blob(digest: Digest): string {
    return path.join(this.blobs, hexOf(digest));
  }

  preparedOf(digest: Digest): string {
    return path.join(this.prepared, hexOf(digest));
  }

  /** Makes the folders. Throws StoreError UNKNOWN_FORMAT for a store of another format. */
  async create(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: FOLDER_MODE }).catch((cause: NodeJS.ErrnoException) => {
      // What Node answers where a folder above lies on a read-only file system.
      if (cause.code !== "ENOENT") throw cause;
      const message = `Cannot make the image store at ${this.root}: the place does not take folders; use another one`;
      throw new StoreError("NO_ACCESS", message, { cause });
    });
    await this.#checkFormat();
    for (const folder of [this.blobs, this.prepared, this.leases, this.ingest]) {
      await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    }
    // An existing folder may be open to others.
    await chmod(this.root, FOLDER_MODE);
  }

  async #checkFormat(): Promise<void> {
    const file = path.join(this.root, "format");
    const found = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (found === undefined) {
      await writeAtomic(
        `${file}.${crypto.randomUUID()}`,
        (handle) => handle.writeFile(`${STORE_FORMAT}\n`),
        () => file,
      );
      return;
    }
    if (found.trim() === String(STORE_FORMAT)) return;
    throw new StoreError(
      "UNKNOWN_FORMAT",
      `The image store at ${this.root} has format ${JSON.stringify(found.trim().slice(0, 20))}, this wasipool reads ` +
        `${STORE_FORMAT}; use another folder, or remove this one (images are then pulled again)`,
    );
  }
}
