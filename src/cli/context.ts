import type { Readable } from "node:stream";
import type { Terminal } from "./output/index.ts";

/** What a command may use of the process around it. Nothing below src/cli reads `process`. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Folder of this package: examples and demo images lie there. */
  readonly packageRoot: string;
  readonly version: string;
  /** Aborts at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
  readonly interrupted: AbortSignal;
  /** Sets the exit code of a command that ends well but has something to tell by it. */
  exitWith(code: number): void;
}
