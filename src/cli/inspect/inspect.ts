import type { StoredImage } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { type ImageFlags, withImages } from "../image/image-command.ts";
import { formatRecords } from "../output/index.ts";
import { describe } from "./describe.ts";
import { askOwnRoutes, type OwnRoutes } from "./own-routes.ts";
import { findSubject } from "./subject.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface InspectFlags extends ImageFlags {
  /** Pulls an image that the store does not have. */
  readonly pulls: boolean;
}

/** What is told: the image, when it is one, and its module. */
export interface Inspected {
  readonly subject: string;
  readonly image?: StoredImage;
  readonly module: Verdict;
  /** Of modules that print routes themselves. */
  readonly ownRoutes?: OwnRoutes;
}

/** `wasipool inspect FILE|IMAGE`. Tells about what cannot run here too: that is no failure of the command. */
export function inspect(name: string, flags: InspectFlags, context: CommandContext): Promise<void> {
  return withImages(flags, context, async (images) => {
    const { image, bytes } = await findSubject(name, flags.pulls, images, context);
    const { verdict, runnable } = judge(bytes);
    const ownRoutes = runnable && verdict.hasRoutes ? await askOwnRoutes(runnable, context.interrupted) : undefined;
    const found: Inspected = {
      subject: name,
      ...(image ? { image } : {}),
      module: verdict,
      ...(ownRoutes ? { ownRoutes } : {}),
    };
    const text =
      flags.output === "table"
        ? describe(found)
        : formatRecords(flags.output, [found], { headings: [], row: () => [] });
    context.terminal.out(text);
  });
}
