import { parseReference, type PullPolicy } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { formatRecords } from "../output/index.ts";
import { type ImageFlags, withImages } from "./image-command.ts";
import { IMAGE_VIEW, imageRows } from "./image-view.ts";
import { withProgress } from "./transfer.ts";

/** `--policy`, as Kubernetes writes it. */
export const PULL_POLICIES: readonly PullPolicy[] = ["Always", "IfNotPresent", "Never"];

export interface PullFlags extends ImageFlags {
  readonly policy: PullPolicy;
}

/** `wasipool image pull REFERENCE` */
export function pull(name: string, flags: PullFlags, context: CommandContext): Promise<void> {
  const { terminal, interrupted } = context;
  return withImages(flags, context, async ({ client }) => {
    const reference = parseReference(name);
    const image = await withProgress(terminal, name, (onProgress) =>
      client.pull(reference, { policy: flags.policy, onProgress, signal: interrupted }),
    );
    terminal.out(formatRecords(flags.output, imageRows([image]), IMAGE_VIEW));
  });
}
