import { type Command, Option } from "commander";
import type { CommandContext } from "../context.ts";
import { byteSize, count, durationMs, ipRange, pair, repeated } from "../values.ts";
import type { RunFlags } from "./flags.ts";
import { parseProcessLimits } from "./process-limits.ts";
import { run } from "./run.ts";

const EXAMPLES = `
Examples:
  wasipool run wasi-example.yaml                              a pod, from a file
  wasipool run pods/ --watch                                  all manifests of a folder, again at every change
  kubectl get pod demo -o yaml | wasipool run -               from standard input
  wasipool run hello.wasm --route /hello                      one module, without a manifest
  wasipool run job.wasm --command --arg 10 --dir data:/data   a module that runs once
  wasipool run pod.yaml --mirror ghcr.io=images               images from an OCI layout in the folder "images"

Exit code: 0 when all commands succeeded, 1 when one failed, 2 for bad input, 130 after Ctrl-C.
`;

/** Adds `wasipool run`. */
export function registerRunCommand(program: Command, context: CommandContext): void {
  const command = program
    .command("run")
    .description("Run pods from Kubernetes manifests, or a module without one, on this machine.")
    .argument("<file...>", "manifests, folders of manifests, - for standard input, or .wasm files")
    .addHelpText("after", EXAMPLES)
    .action((files: string[], flags: RunFlags) => run(files, flags, context));
  addGeneralFlags(command);
  addImageFlags(command);
  addLimitFlags(command);
  addModuleFlags(command);
}

function addGeneralFlags(command: Command): void {
  command
    .option("-w, --watch", "apply changes of manifests and local modules, without a failed request", false)
    .option("--set-address <ip:port>", "address that WAGI pods listen on, in place of their own")
    .addOption(list("--env <name=value>", "variable for every container, over its own", (text) => pair(text, "NAME")))
    .option("--workers <count>", "threads that answer requests (default: one a core)", count)
    .option("--standby", "keep a second process ready for the one that runs guests: about 100 MB", false)
    .addOption(
      new Option("--http-front <front>", "who speaks HTTP: own, or node for node:http as a fallback")
        .choices(["own", "node"])
        .default("own"),
    )
    .option("--grace <duration>", "longest grace period at the end (default: 30s)", durationMs)
    .addOption(list("--allow-address <address>", "address or range guests may call although it leads here", ipRange))
    .addOption(
      new Option("-o, --output <format>", "text for people, json: one event a line")
        .choices(["text", "json"])
        .default("text"),
    );
}

function addImageFlags(command: Command): void {
  command
    .option("--root <folder>", "folder whose images/ is the image store (default: that of `wasipool image`)")
    .addOption(list("--mirror <registry=place>", "ask this OCI layout folder or http[s]://host/prefix first", asIs))
    .addOption(list("--insecure-registry <host>", "this registry may speak plain http", asIs))
    .addOption(list("--image <name=file>", "a local module under the name of an image", (text) => pair(text, "NAME")))
    .option("--max-layer-size <size>", "largest layer or module to pull (default: 256Mi)", byteSize);
}

function addLimitFlags(command: Command): void {
  command
    .option("--request-timeout <duration>", "time for one request (default: 30s)", durationMs)
    .option("--max-request-body <size>", "largest request body (default: 10Mi)", byteSize)
    .option("--max-response <size>", "largest answer (default: 32Mi)", byteSize)
    .option("--max-response-headers <size>", "largest header block of an answer (default: 64Ki)", byteSize)
    .option("--concurrency <count>", "runs of a module at a time, for each worker (default: 64)", count)
    .option("--queue <count>", "runs of a module that may wait, for each worker (default: 256)", count)
    .option("--memory <size>", "memory of one instance (default: 256Mi)", byteSize)
    .addOption(
      list("--limit <name=value>", "a limit of the whole process; docs/reference/limits.md has them all", processLimit),
    );
}

function addModuleFlags(command: Command): void {
  command
    .option("--route <route>", "for a .wasm file: the route it answers (default: /...)")
    .option("--address <ip:port>", "for a .wasm file: the address it listens on (default: 127.0.0.1:3000)")
    .option("--command", "for a .wasm file: run it once instead of serving it", false)
    .addOption(list("--arg <text>", "for a .wasm file: an argument", asIs))
    .addOption(list("--dir <host:guest[:ro]>", "for a .wasm file: a folder it may use", asIs))
    .addOption(list("--allowed-host <url>", "for a .wasm file: a host it may call, as https://host", asIs));
}

/** Refused at once when there is no such limit or its value is none. */
function processLimit(text: string): readonly [string, string] {
  const limit = pair(text, "NAME");
  parseProcessLimits([limit]);
  return limit;
}

const asIs = (text: string) => text;

/** A flag that may be given more than once. */
function list(flags: string, description: string, parse: (text: string) => unknown): Option {
  return new Option(flags, `${description}; may be repeated`).argParser(repeated(parse)).default([], "none");
}
