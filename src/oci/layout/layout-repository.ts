import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { formatBytes } from "../../base/index.ts";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import type { Descriptor } from "../manifest/descriptor.ts";
import { type Digest, digestOf, hexOf, isDigest } from "../reference/digest.ts";
import type { Reference } from "../reference/reference.ts";
import type { FetchedManifest, ReadableRepository } from "../repository.ts";
import { layoutNames, readLayoutIndex } from "./layout-index.ts";

/** The names that an image may have in a layout, by the tag it is asked for; the first image with one of them counts. */
export type LayoutNaming = (tag: string) => readonly string[];

/**
 * The naming of a layout that stands for a registry: `org.opencontainers.image.ref.name` holds the full reference
 * (`ghcr.io/team/hello:v1`) or, relative to the registry, `repository:tag` (`team/hello:v1`).
 */
export function mirrorNaming({ registry, repository }: Reference): LayoutNaming {
  return (tag) => [`${repository}:${tag}`, `${registry}/${repository}:${tag}`];
}

/** The naming of `oci:folder:name`: the annotation as it stands; an empty name means the only image there is. */
export const exactNaming: LayoutNaming = (tag) => [tag];

/** Images of an OCI image layout. */
export class LayoutRepository implements ReadableRepository {
  readonly place: string;
  readonly #folder: string;
  readonly #naming: LayoutNaming;
  readonly #limits: ImageLimits;

  constructor(folder: string, naming: LayoutNaming, limits: ImageLimits) {
    this.place = `OCI layout ${folder}`;
    this.#folder = folder;
    this.#naming = naming;
    this.#limits = limits;
  }

  async manifest(tagOrDigest: string): Promise<FetchedManifest> {
    const manifests = await readLayoutIndex(this.#folder, this.#limits);
    if (isDigest(tagOrDigest)) return await this.#read(tagOrDigest, find(manifests, tagOrDigest)?.mediaType);
    const found = this.#choose(manifests, tagOrDigest);
    if (found) return await this.#read(found.digest, found.mediaType);
    const names = manifests.flatMap((descriptor) => layoutNames(descriptor)).slice(0, 10);
    throw new RegistryError(
      "NOT_FOUND",
      `${this.place} has no image${tagOrDigest === "" ? " that is its only one" : ` named ${this.#naming(tagOrDigest).join(" or ")}`}; ` +
        `it has ${names.length > 0 ? names.join(", ") : `${manifests.length} images without names`}`,
    );
  }

  async digestOfTag(tag: string): Promise<Digest | undefined> {
    return this.#choose(await readLayoutIndex(this.#folder, this.#limits), tag)?.digest;
  }

  async *blob({ digest }: { readonly digest: Digest }, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const file = this.#blobFile(digest);
    try {
      for await (const chunk of createReadStream(file, signal ? { signal } : {})) yield chunk as Uint8Array;
    } catch (cause) {
      const { code, syscall } = cause as NodeJS.ErrnoException;
      if (syscall === undefined) throw cause;
      const isGone = code === "ENOENT";
      const message = `Cannot read blob ${digest} in ${this.place}: ${isGone ? "it is missing" : code}`;
      throw new RegistryError(isGone ? "NOT_FOUND" : "UNAVAILABLE", message, { cause });
    }
  }

  #choose(manifests: readonly Descriptor[], tag: string): Descriptor | undefined {
    if (tag === "") return manifests.length === 1 ? manifests[0] : undefined;
    const wanted = this.#naming(tag);
    return manifests.find((descriptor) => layoutNames(descriptor).some((name) => wanted.includes(name)));
  }

  async #read(digest: Digest, mediaType: string | undefined): Promise<FetchedManifest> {
    const { maxManifestBytes } = this.#limits;
    const file = this.#blobFile(digest);
    const found = await stat(file).catch(() => undefined);
    if (!found) throw new RegistryError("NOT_FOUND", `${this.place} has no manifest ${digest}`);
    if (found.size > maxManifestBytes) {
      throw new RegistryError(
        "TOO_LARGE",
        `The manifest ${digest} in ${this.place} is larger than ${formatBytes(maxManifestBytes)}`,
      );
    }
    const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
      throw new RegistryError("UNAVAILABLE", `Cannot read manifest ${digest} in ${this.place}: ${cause.code}`, {
        cause,
      });
    });
    return { bytes, digest: digestOf(bytes), ...(mediaType === undefined ? {} : { mediaType }) };
  }

  #blobFile(digest: Digest): string {
    return path.join(this.#folder, "blobs", "sha256", hexOf(digest));
  }
}

function find(manifests: readonly Descriptor[], digest: Digest): Descriptor | undefined {
  return manifests.find((descriptor) => descriptor.digest === digest);
}
