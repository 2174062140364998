import type { CommandContext } from "../context.ts";
import { formatRecords } from "../output/index.ts";
import { type ImageFlags, withImages } from "./image-command.ts";
import { IMAGE_VIEW, imageRows } from "./image-view.ts";

/** `wasipool image ls` */
export function list(flags: ImageFlags, context: CommandContext): Promise<void> {
  return withImages(flags, context, async ({ store }) => {
    const images = await store.list();
    // A program gets each image once, with all its names.
    const text =
      flags.output === "table"
        ? formatRecords("table", imageRows(images), IMAGE_VIEW)
        : formatRecords(flags.output, images, { headings: [], row: () => [] });
    context.terminal.out(text);
  });
}
