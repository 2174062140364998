import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import {
  formatReference,
  LayoutWriter,
  packImage,
  parseReference,
  pushImage,
  type Reference,
  RegistryError,
} from "../../oci/index.ts";
import { badInput } from "../failure.ts";
import type { Images } from "../image/index.ts";

/** A module file under the name of an image. */
export interface LocalImage {
  readonly reference: Reference;
  /** Absolute. */
  readonly file: string;
}

/** Reads the names of local images. Throws a Failure for a name that is none. */
export function localImages(pairs: readonly (readonly [string, string])[], cwd: string): readonly LocalImage[] {
  return pairs.map(([name, file]) => {
    try {
      return { reference: parseReference(name), file: path.resolve(cwd, file) };
    } catch (cause) {
      throw badInput(`--image ${name}=${file}: ${(cause as Error).message}`, { cause });
    }
  });
}

/** Modules of this machine as images: in a layout of their own that stands for their registries, and in the store from there. */
export class LocalImageLayout {
  readonly #folder: string;
  readonly #images: readonly LocalImage[];
  /** Digest of each module's bytes, by the image's name. */
  readonly #revisions = new Map<string, string>();

  /** `folder` belongs to this object and need not exist. */
  constructor(folder: string, images: readonly LocalImage[]) {
    this.#folder = folder;
    this.#images = images;
  }

  /** As `--mirror` takes them. */
  get mirrors(): readonly string[] {
    const registries = new Set(this.#images.map(({ reference }) => reference.registry));
    return [...registries].map((registry) => `${registry}=${this.#folder}`);
  }

  /** Packs modules that are new or have changed and brings them into the store. Throws a Failure that names the file. */
  async update(images: Images, signal: AbortSignal): Promise<void> {
    for (const { reference, file } of this.#images) {
      const name = formatReference(reference);
      const module = await readModule(file);
      const revision = createHash("sha256").update(module).digest("hex");
      if (this.#revisions.get(name) === revision) continue;
      try {
        const { limits } = images.client;
        const packed = packImage(module, { title: path.basename(file) });
        await pushImage(packed, { repository: new LayoutWriter(this.#folder, limits), tag: name }, { limits, signal });
        await images.client.pull(reference, { policy: "Always", signal });
      } catch (cause) {
        if (!(cause instanceof RegistryError || cause instanceof SyntaxError)) throw cause;
        throw badInput(`Cannot use ${file}: ${cause.message}`, { cause });
      }
      this.#revisions.set(name, revision);
    }
  }

  /** Text that changes with the modules behind these images; empty when none of them is local. */
  revisionOf(names: readonly string[]): string {
    return names.map((name) => this.#revisions.get(keyOf(name)) ?? "").join("");
  }
}

async function readModule(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw badInput(`Cannot read ${file}: ${cause.code === "ENOENT" ? "no such file" : (cause.code ?? cause.message)}`, {
      cause,
    });
  });
  const module = new Uint8Array(bytes);
  if (!WebAssembly.validate(module)) {
    throw badInput(`${file} is not a valid WebAssembly module; \`wasipool inspect ${file}\` says more`);
  }
  return module;
}

function keyOf(name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch {
    return name;
  }
}
