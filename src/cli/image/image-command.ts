import { Command, Option } from "commander";
import { RegistryError, StoreError } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { badInput, EXIT, Failure } from "../failure.ts";
import { OUTPUT_FORMATS, type OutputFormat } from "../output/index.ts";
import { byteSize, repeated } from "../values.ts";
import { type Images, type ImageSettings, openImages } from "./open-images.ts";

/** Flags that every `image` verb has. */
export interface ImageFlags extends ImageSettings {
  readonly output: OutputFormat;
}

/** Adds the flags about where images come from and lie, with `-o`. */
export function withImageFlags(command: Command): Command {
  const asIs = repeated((text) => text);
  return command
    .option("--root <folder>", "folder of the image store (default: $XDG_DATA_HOME/wasipool/images)")
    .addOption(
      new Option(
        "--mirror <registry=place>",
        "ask this place before the registry: the folder of an OCI image layout, or http[s]://host/prefix; may be repeated",
      )
        .argParser(asIs)
        .default([], "none"),
    )
    .addOption(
      new Option(
        "--insecure-registry <host>",
        "this registry may speak plain http, or show a certificate that nobody knows; may be repeated",
      )
        .argParser(asIs)
        .default([], "none"),
    )
    .addOption(
      new Option("--max-layer-size <size>", "largest layer or module to move, such as 64Mi (default: 256Mi)").argParser(
        byteSize,
      ),
    )
    .addOption(new Option("-o, --output <format>", "form of the output").choices(OUTPUT_FORMATS).default("table"));
}

/** Runs a verb with the store open, and turns what goes wrong into failures for people. */
export async function withImages(
  flags: ImageFlags,
  context: CommandContext,
  run: (images: Images) => Promise<void>,
): Promise<void> {
  // Timers of retries alone do not keep a process alive.
  const alive = setInterval(() => {}, 60_000);
  try {
    await using images = await openImages(flags, context);
    await run(images);
  } catch (error) {
    throw readable(error, context.interrupted);
  } finally {
    clearInterval(alive);
  }
}

function readable(error: unknown, interrupted: AbortSignal): unknown {
  if (interrupted.aborted) return new Failure("Interrupted", { cause: error, exitCode: EXIT.interrupted });
  if (error instanceof SyntaxError) return badInput(error.message, { cause: error });
  if (error instanceof RegistryError || error instanceof StoreError)
    return new Failure(error.message, { cause: error });
  return error;
}
