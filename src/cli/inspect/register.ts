import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { type ImageFlags, withImageFlags } from "../image/image-command.ts";
import { inspect } from "./inspect.ts";

/** Adds `wasipool inspect`. */
export function registerInspectCommand(program: Command, context: CommandContext): void {
  withImageFlags(program.command("inspect"))
    .description("Tell what a module is, what it needs and whether it runs here.")
    .argument("<file|image>", "a .wasm file, or an image, which is pulled when the store does not have it")
    .addHelpText(
      "after",
      "\nThe module is not run, but for the routes that it prints itself (_routes): those are asked for in a process of their own,\n" +
        "without files, network or environment.\n" +
        "\nExamples:\n  wasipool inspect hello.wasm\n  wasipool inspect ghcr.io/team/hello:v1 -o json\n",
    )
    .action((subject: string, flags: ImageFlags) => inspect(subject, { ...flags, pulls: true }, context));
}
