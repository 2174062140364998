import path from "node:path";
import type { Readable } from "node:stream";
import { RegistryError } from "../errors.ts";
import type { ImageLimits } from "../limits.ts";
import type { Descriptor } from "../manifest/descriptor.ts";
import { notWasm } from "../manifest/locate-module.ts";
import { TAR_LAYER_TYPES } from "../manifest/media-types.ts";
import { readTarLayer, type TarFile, UnpackBudget } from "./tar-layer.ts";

/** Modules and deletions looked at in one image: each costs memory. */
const MAX_CANDIDATES = 1000;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** The tar layers of an image, topmost last, and how to read one. */
export interface TarLayers {
  readonly name: string;
  readonly layers: readonly Descriptor[];
  readonly open: (layer: Descriptor) => Readable;
  readonly limits: ImageLimits;
}

/** A file in one of the layers. */
export interface FileInLayer {
  readonly layer: Descriptor;
  readonly path: string;
}

/**
 * Finds a module among tar layers: the file at `wanted`, or without it the only `.wasm` file. As in a container, an upper layer
 * hides and deletes (whiteouts) what lies below. Throws RegistryError NOT_WASM with what was found instead.
 */
export async function findInLayers(image: TarLayers, wanted: string | undefined): Promise<FileInLayer> {
  const budget = new UnpackBudget(image.limits, image.name);
  const found = new Map<string, FileInLayer>();
  const isHidden = new Hidden();
  for (const layer of image.layers.toReversed()) {
    const seen = await candidates(image, layer, wanted, budget);
    for (const file of seen.files) {
      if (!found.has(file) && !isHidden.covers(file)) found.set(file, { layer, path: file });
    }
    isHidden.add(seen.whiteouts);
    if (wanted !== undefined && found.has(wanted)) break;
  }
  return choose([...found.values()], wanted, image);
}

/** Calls `take` with the content of a file that `findInLayers` found. */
export async function readFromLayer<Result>(
  image: TarLayers,
  file: FileInLayer,
  take: (content: AsyncIterable<Uint8Array>) => Promise<Result>,
): Promise<Result> {
  const results: Result[] = [];
  await readLayer(image, file.layer, new UnpackBudget(image.limits, image.name), async (each) => {
    if (each.path !== file.path || each.type !== "file") return false;
    results.push(await take(each.content));
    return true;
  });
  const [result] = results;
  if (result !== undefined) return result;
  throw new RegistryError("BAD_DIGEST", `The file ${file.path} vanished from a layer of ${image.name}`);
}

interface Candidates {
  readonly files: ReadonlySet<string>;
  readonly whiteouts: ReadonlySet<string>;
}

async function candidates(
  image: TarLayers,
  layer: Descriptor,
  wanted: string | undefined,
  budget: UnpackBudget,
): Promise<Candidates> {
  const files = new Set<string>();
  const whiteouts = new Set<string>();
  await readLayer(image, layer, budget, ({ path: file, type }) => {
    const base = path.posix.basename(file);
    if (base.startsWith(WHITEOUT)) whiteouts.add(file);
    else if (type === "file" && (wanted === undefined ? base.endsWith(".wasm") : file === wanted)) files.add(file);
    else if (file === wanted && type !== "directory") throw notWasm(image.name, `has a ${type ?? "link"} at ${file}`);
    if (files.size + whiteouts.size <= MAX_CANDIDATES) return false;
    throw new RegistryError(
      "TOO_LARGE",
      `The layers of ${image.name} hold more than ${MAX_CANDIDATES} modules and deletions`,
    );
  });
  return { files, whiteouts };
}

function readLayer(
  { name, open }: TarLayers,
  layer: Descriptor,
  budget: UnpackBudget,
  visit: (file: TarFile) => Promise<boolean> | boolean,
): Promise<void> {
  const compression = TAR_LAYER_TYPES.get(layer.mediaType) ?? "none";
  return readTarLayer(open(layer), { compression, budget, name }, visit);
}

/** Paths that upper layers deleted, with all below them (image-spec 1.1 "layer", whiteouts). */
class Hidden {
  readonly #deleted = new Set<string>();

  add(whiteouts: ReadonlySet<string>): void {
    for (const whiteout of whiteouts) {
      const folder = path.posix.dirname(whiteout);
      const base = path.posix.basename(whiteout);
      this.#deleted.add(base === OPAQUE ? folder : path.posix.join(folder, base.slice(WHITEOUT.length)));
    }
  }

  covers(file: string): boolean {
    for (let each = file; each !== "/"; each = path.posix.dirname(each)) if (this.#deleted.has(each)) return true;
    return this.#deleted.has("/");
  }
}

function choose(found: readonly FileInLayer[], wanted: string | undefined, { name }: TarLayers): FileInLayer {
  const match = wanted === undefined ? undefined : found.find((file) => file.path === wanted);
  if (match) return match;
  if (wanted !== undefined) throw notWasm(name, `has no file ${wanted}, which its config names as its module`);
  const [only] = found;
  if (only && found.length === 1) return only;
  throw notWasm(
    name,
    found.length === 0
      ? "holds no .wasm file"
      : `holds ${found.length} .wasm files and no entry point that says which to run`,
  );
}
