import { formatBytes } from "../../base/index.ts";
import { isDigest, parseReference, referenceKey, type Removal } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { Failure } from "../failure.ts";
import { formatRecords, type TableView } from "../output/index.ts";
import { type ImageFlags, withImages } from "./image-command.ts";

/** `wasipool image rm REFERENCE…`: removes those that are there, and fails for the others at the end. */
export function remove(names: readonly string[], flags: ImageFlags, context: CommandContext): Promise<void> {
  return withImages(flags, context, async ({ store }) => {
    const keys = names.map((name) => (isDigest(name) ? name : referenceKey(parseReference(name))));
    const removed: Removal[] = [];
    const missing: string[] = [];
    for (const key of keys) {
      const removal = await store.remove(key);
      if (removal) removed.push(removal);
      else missing.push(key);
    }
    if (removed.length > 0) context.terminal.out(formatRecords(flags.output, removed, REMOVAL_VIEW));
    if (missing.length > 0) throw new Failure(`The store has no image ${missing.join(", ")}; see: wasipool image ls`);
  });
}

const REMOVAL_VIEW: TableView<Removal> = {
  headings: ["Removed", "Deleted", "Freed"],
  row: ({ name, isDeleted, freedBytes }) => [name, isDeleted ? "yes" : "no, still used", formatBytes(freedBytes)],
};
