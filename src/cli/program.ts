import { Command, CommanderError } from "commander";
import type { CommandContext } from "./context.ts";
import { EXIT, Failure } from "./failure.ts";
import { registerImageCommands } from "./image/index.ts";
import { registerInspectCommand } from "./inspect/index.ts";
import { registerRunCommand } from "./run/index.ts";

/** Runs one command line (without the program's own name) and answers its exit code. Never throws. */
export async function runProgram(argv: readonly string[], context: CommandContext): Promise<number> {
  try {
    await createProgram(context).parseAsync(argv, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return report(error, context);
  }
}

function createProgram(context: CommandContext): Command {
  const program = new Command("wasipool")
    .description("Pods that are WebAssembly modules: run them here, or as nodes of any Kubernetes cluster.")
    .version(context.version, "-V, --version")
    .exitOverride()
    .showHelpAfterError("(add --help for the options)")
    .configureOutput({
      writeOut: (text) => context.terminal.out(text.trimEnd()),
      writeErr: (text) => context.terminal.err(text.trimEnd()),
    });
  registerRunCommand(program, context);
  registerInspectCommand(program, context);
  registerImageCommands(program, context);
  return program;
}

function report(error: unknown, { terminal, env }: CommandContext): number {
  // Commander has already said what is wrong with the arguments.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.badInput;
  const known = error instanceof Failure;
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`${terminal.paint("red", "error:", "err")} ${message}`);
  if (env["WASIPOOL_DEBUG"] && error instanceof Error) terminal.err(error.stack ?? "");
  else if (!known) terminal.err("This is not meant to happen. Set WASIPOOL_DEBUG=1 to see where.");
  return known ? error.exitCode : EXIT.failed;
}
