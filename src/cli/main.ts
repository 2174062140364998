import { readFileSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../base/index.ts";
import { EXIT } from "./failure.ts";
import { createInterrupt } from "./interrupt.ts";
import { createTerminal } from "./output/index.ts";
import { runProgram } from "./program.ts";

const packageRoot = findPackageRoot(import.meta.dirname);
const interrupt = createInterrupt(systemClock, () => process.exit(EXIT.interrupted));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.receive(signal));
// A reader that went away (`wasipool … | head`) is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) =>
  process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
);

const code = await runProgram(process.argv.slice(2), {
  terminal: createTerminal(process.stdout, process.stderr, {
    noColor: Boolean(process.env["NO_COLOR"]),
    forceColor: Boolean(process.env["FORCE_COLOR"]),
  }),
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  packageRoot,
  version: readVersion(packageRoot),
  interrupted: interrupt.signal,
  exitWith: (exitCode) => void (process.exitCode = exitCode),
});
process.exit(code === EXIT.ok ? process.exitCode : code);

/** The nearest folder above that holds package.json: two up from the sources, one up from the bundle. */
function findPackageRoot(start: string): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    try {
      readFileSync(path.join(folder, "package.json"));
      return folder;
    } catch (error) {
      if (folder === path.dirname(folder)) throw new Error(`No package.json above ${start}`, { cause: error });
    }
  }
}

function readVersion(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const hasVersion = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return hasVersion && typeof manifest.version === "string" ? manifest.version : "0.0.0";
}
