import { type Command, Option } from "commander";
import { PUSH_FORMATS } from "../../oci/index.ts";
import type { CommandContext } from "../context.ts";
import { inspect } from "../inspect/index.ts";
import { copy } from "./copy.ts";
import { type ImageFlags, withImageFlags } from "./image-command.ts";
import { list } from "./list.ts";
import { pull, PULL_POLICIES, type PullFlags } from "./pull.ts";
import { push, type PushFlags } from "./push.ts";
import { remove } from "./remove.ts";

/** Adds `wasipool image …`. */
export function registerImageCommands(program: Command, context: CommandContext): void {
  const image = program.command("image").description("Push, pull, list, inspect, remove and copy images of modules.");
  addPush(image, context);
  addPull(image, context);
  addStoreVerbs(image, context);
  addCopy(image, context);
}

function addPush(image: Command, context: CommandContext): void {
  withImageFlags(image.command("push"))
    .description("Push a WebAssembly module as an image.")
    .argument("<file>", "the .wasm file")
    .argument("<reference>", "registry/repository:tag, or oci:FOLDER:NAME for an OCI image layout")
    .addOption(
      new Option("--format <format>", "cncf: the CNCF Wasm artifact; wasm-to-oci: what Krustlet's nodes read")
        .choices(PUSH_FORMATS)
        .default("cncf"),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  wasipool image push hello.wasm ghcr.io/team/hello:v1\n  wasipool image push hello.wasm oci:images:team/hello:v1\n",
    )
    .action((file: string, to: string, flags: PushFlags) => push(file, to, flags, context));
}

function addPull(image: Command, context: CommandContext): void {
  withImageFlags(image.command("pull"))
    .description("Pull an image into the store. Credentials are those of docker login.")
    .argument("<reference>", "registry/repository:tag or @sha256:…")
    .addOption(new Option("--policy <policy>", "when to ask the registry").choices(PULL_POLICIES).default("Always"))
    .addHelpText(
      "after",
      "\nExamples:\n  wasipool image pull ghcr.io/team/hello:v1\n  wasipool image pull --mirror ghcr.io=images ghcr.io/team/hello:v1\n",
    )
    .action((name: string, flags: PullFlags) => pull(name, flags, context));
}

function addStoreVerbs(image: Command, context: CommandContext): void {
  withImageFlags(image.command("ls").alias("list"))
    .description("List the images in the store.")
    .addHelpText("after", "\nExample:\n  wasipool image ls -o json\n")
    .action((flags: ImageFlags) => list(flags, context));
  withImageFlags(image.command("inspect"))
    .description("Tell what a module is and whether it runs here.")
    .argument("<file|reference>", "a .wasm file, or an image in the store")
    .addHelpText(
      "after",
      "\nExamples:\n  wasipool image inspect hello.wasm\n  wasipool image inspect ghcr.io/team/hello:v1 -o yaml\n",
    )
    .action((subject: string, flags: ImageFlags) => inspect(subject, { ...flags, pulls: false }, context));
  withImageFlags(image.command("rm").alias("remove"))
    .description("Remove images from the store. Those in use are deleted once they are not.")
    .argument("<reference...>", "names, or sha256:… for an image with all its names")
    .addHelpText("after", "\nExample:\n  wasipool image rm ghcr.io/team/hello:v1\n")
    .action((names: string[], flags: ImageFlags) => remove(names, flags, context));
}

function addCopy(image: Command, context: CommandContext): void {
  withImageFlags(image.command("copy").alias("cp"))
    .description("Copy an image between registries, OCI image layouts and the store.")
    .argument("<source>", "REFERENCE (a registry), oci:FOLDER[:NAME] or store:REFERENCE")
    .argument("<target>", "the same")
    .addHelpText(
      "after",
      "\nExamples:\n  wasipool image copy ghcr.io/team/hello:v1 registry.example/hello:v1\n  wasipool image copy ghcr.io/team/hello:v1 oci:images\n  wasipool image copy oci:images:hello store:registry.example/hello:v1\n",
    )
    .action((from: string, to: string, flags: ImageFlags) => copy(from, to, flags, context));
}
