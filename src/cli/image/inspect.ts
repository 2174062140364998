import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { formatBytes } from "../../base/index.ts";
import { isDigest, parseReference, referenceKey, type StoredImage } from "../../oci/index.ts";
import { type Inspection, inspectModule } from "../../runtime/index.ts";
import type { CommandContext } from "../context.ts";
import { badInput, Failure } from "../failure.ts";
import { formatRecords, type TableView } from "../output/index.ts";
import { type ImageFlags, withImages } from "./image-command.ts";
import type { Images } from "./open-images.ts";

/** What `image inspect` tells: the image, when it is one, and its module. */
interface Inspected {
  readonly subject: string;
  readonly image?: StoredImage;
  readonly module: Inspection;
}

/** `wasipool image inspect FILE|REFERENCE`: a file, or an image in the store. */
export function inspect(subject: string, flags: ImageFlags, context: CommandContext): Promise<void> {
  return withImages(flags, context, async (images) => {
    const found = (await inspectFile(subject, context.cwd, images)) ?? (await inspectImage(subject, images));
    const text =
      flags.output === "table"
        ? formatRecords("table", describe(found), LINE_VIEW)
        : formatRecords(flags.output, [found], { headings: [], row: () => [] });
    context.terminal.out(text);
  });
}

/** A path that exists is a file, whatever else it could be. */
async function inspectFile(subject: string, cwd: string, { client }: Images): Promise<Inspected | undefined> {
  const file = path.resolve(cwd, subject);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    if (subject.endsWith(".wasm") || /^[./]/.test(subject))
      throw badInput(`Cannot read ${subject}: there is no such file`);
    return undefined;
  }
  const { maxLayerBytes } = client.limits;
  if (found.size > maxLayerBytes) throw badInput(`${subject} is larger than ${formatBytes(maxLayerBytes)}`);
  return { subject, module: inspectModule(await readFile(file)) };
}

async function inspectImage(subject: string, { store }: Images): Promise<Inspected> {
  const key = isDigest(subject) ? subject : referenceKey(parseReference(subject));
  const image = await store.find(key);
  if (!image) throw new Failure(`The store has no image ${key}; pull it first: wasipool image pull ${subject}`);
  return { subject, image, module: inspectModule(await store.blobs.read(image.moduleDigest)) };
}

type Line = readonly [label: string, value: string];

const LINE_VIEW: TableView<Line> = { headings: ["Property", "Value"], row: (line) => line };

function describe({ subject, image, module }: Inspected): readonly Line[] {
  const { kind, wasi, bytes, memory, imports, exports, problems } = module;
  const missing = imports.filter(({ isProvided }) => !isProvided);
  const memoryText =
    memory && `${formatBytes(memory.minBytes)} to ${memory.maxBytes ? formatBytes(memory.maxBytes) : "no maximum"}`;
  return [
    ["Subject", subject],
    ...(image ? imageLines(image) : []),
    ["Kind", kind],
    ["WASI", wasi ?? "none"],
    ["Size", formatBytes(bytes)],
    ["Memory", memoryText ?? "none"],
    ["Imports", `${imports.length}${missing.length > 0 ? `, ${missing.length} of them unknown here` : ""}`],
    [
      "Entry points",
      exports
        .filter(({ isEntrypoint }) => isEntrypoint)
        .map(({ name }) => name)
        .join(", ") || "none",
    ],
    ["Runs here", problems.length === 0 ? "yes" : `no: ${problems.join("; ")}`],
  ];
}

function imageLines({ digest, mediaType, tags, moduleDigest, pulledAt }: StoredImage): readonly Line[] {
  return [
    ["Digest", digest],
    ["Media type", mediaType],
    ["Tags", tags.join(", ") || "none"],
    ["Module", moduleDigest],
    ["Pulled", pulledAt],
  ];
}
