import { randomUUID } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { StoreError } from "../errors.ts";
import { writeAtomic } from "./atomic-file.ts";
import { type ImageRecord, imageRecordSchema } from "./image-record.ts";

const schema = z.object({ images: z.array(imageRecordSchema) });

/**
 * `index.json`: which images the store holds. Replaced whole by rename, so a reader needs no lock; writers hold the store's lock.
 * What was read is kept until the file is another one.
 */
export class IndexFile {
  readonly #file: string;
  #read: { readonly version: string; readonly images: readonly ImageRecord[] } | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  /** Throws StoreError DAMAGED when the file cannot be understood. */
  async read(): Promise<readonly ImageRecord[]> {
    const version = await this.#version();
    if (version === undefined) return [];
    if (this.#read?.version !== version) this.#read = { version, images: await this.#parse() };
    return this.#read.images;
  }

  /** To be called under the store's lock. `unfinishedIn`: folder for the new file before it is renamed. */
  async write(images: readonly ImageRecord[], unfinishedIn: string): Promise<void> {
    const text = `${JSON.stringify({ images }, undefined, 1)}\n`;
    await writeAtomic(
      path.join(unfinishedIn, `index.${randomUUID()}`),
      (handle) => handle.writeFile(text),
      () => this.#file,
    );
  }

  async #version(): Promise<string | undefined> {
    const found = await stat(this.#file, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return found && `${found.ino}.${found.mtimeNs}.${found.size}`;
  }

  async #parse(): Promise<readonly ImageRecord[]> {
    try {
      return schema.parse(JSON.parse(await readFile(this.#file, "utf8"))).images;
    } catch (cause) {
      throw new StoreError(
        "DAMAGED",
        `The list of images ${this.#file} is damaged; remove it, images are then pulled again`,
        { cause },
      );
    }
  }
}
