import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { formatBytes } from "../../base/index.ts";
import { type ImageClient, packImage, type PushFormat, pushImage } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { badInput } from "../failure.ts";
import { formatRecords } from "../output/index.ts";
import { type ImageFlags, withImages } from "./image-command.ts";
import { parseLocation } from "./location.ts";
import { copyTarget } from "./places.ts";
import { withProgress } from "./transfer.ts";

export interface PushFlags extends ImageFlags {
  readonly format: PushFormat;
}

/** `wasipool image push FILE REFERENCE` */
export function push(file: string, to: string, flags: PushFlags, context: CommandContext): Promise<void> {
  const { terminal, cwd, interrupted } = context;
  return withImages(flags, context, async (images) => {
    const location = parseLocation(to, cwd);
    if (location.kind === "store") throw badInput("A push goes to a registry or to oci:FOLDER:NAME, not to the store");
    const module = await readModuleFile(file, cwd, images.client);
    const packed = packImage(module, { format: flags.format, title: path.basename(file) });
    const { limits } = images.client;
    const digest = await withProgress(terminal, to, (onProgress) =>
      pushImage(packed, copyTarget(location, images), { limits, onProgress, signal: interrupted }),
    );
    const pushed = { reference: to, digest, size: module.length };
    const view = { headings: ["Reference", "Digest", "Size"], row: rowOf };
    terminal.out(formatRecords(flags.output, [pushed], view));
  });
}

function rowOf({ reference, digest, size }: { reference: string; digest: string; size: number }) {
  return [reference, digest, formatBytes(size)];
}

async function readModuleFile(file: string, cwd: string, { limits }: ImageClient): Promise<Uint8Array<ArrayBuffer>> {
  const full = path.resolve(cwd, file);
  const found = await stat(full).catch((cause: NodeJS.ErrnoException) => {
    throw badInput(`Cannot read ${file}: ${cause.code ?? cause.message}`, { cause });
  });
  if (!found.isFile()) throw badInput(`Cannot push ${file}: it is no file`);
  if (found.size > limits.maxLayerBytes) {
    throw badInput(`Cannot push ${file}: it is larger than ${formatBytes(limits.maxLayerBytes)}`);
  }
  const bytes = new Uint8Array(await readFile(full));
  // Anything else is told by packImage(), which sees what the file is.
  const claimsToBeModule = Buffer.from(bytes.subarray(0, 8)).toString("hex") === "0061736d01000000";
  if (claimsToBeModule && !WebAssembly.validate(bytes)) {
    throw badInput(`Cannot push ${file}: it begins like a WebAssembly module but is not a valid one; build it again`);
  }
  return bytes;
}
