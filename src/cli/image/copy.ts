import { copyImage, type Digest, formatReference, type PullProgress } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { formatRecords } from "../output/index.ts";
import { type ImageFlags, withImages } from "./image-command.ts";
import { type Location, parseLocation } from "./location.ts";
import type { Images } from "./open-images.ts";
import { copySource, copyTarget } from "./places.ts";
import { withProgress } from "./transfer.ts";

/** `wasipool image copy SOURCE TARGET` */
export function copy(from: string, to: string, flags: ImageFlags, context: CommandContext): Promise<void> {
  const { terminal, cwd, interrupted } = context;
  return withImages(flags, context, async (images) => {
    const source = parseLocation(from, cwd);
    const target = nameTarget(parseLocation(to, cwd), source);
    const digest = await withProgress(terminal, `${from} to ${to}`, (onProgress) =>
      transfer({ source, target, images }, onProgress, interrupted),
    );
    const view = { headings: ["Source", "Target", "Digest"], row: rowOf };
    terminal.out(formatRecords(flags.output, [{ source: from, target: to, digest }], view));
  });
}

interface Copying {
  readonly source: Location;
  readonly target: Location;
  readonly images: Images;
}

async function transfer(
  { source, target, images }: Copying,
  onProgress: PullProgress,
  signal: AbortSignal,
): Promise<Digest> {
  const from = copySource(source, images);
  // The store keeps what running an image needs.
  if (target.kind === "store") {
    return (await images.client.load(from, target.reference, { onProgress, signal })).digest;
  }
  const mountFrom =
    source.kind === "registry" && target.kind === "registry" && source.reference.registry === target.reference.registry
      ? source.reference.repository
      : undefined;
  const { limits } = images.client;
  return copyImage(from, copyTarget(target, images, mountFrom), { limits, onProgress, signal });
}

/** A layout's image keeps the source's name unless it is given one. */
function nameTarget(target: Location, source: Location): Location {
  if (target.kind !== "layout" || target.name !== "") return target;
  return { ...target, name: source.kind === "layout" ? source.name : formatReference(source.reference) };
}

function rowOf({ source, target, digest }: { source: string; target: string; digest: string }) {
  return [source, target, digest];
}
