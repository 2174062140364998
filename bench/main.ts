// Prints the figures of docs/performance.md: ratios within one run, since machines are noisy. `--short` for a look.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { formatTable } from "../src/cli/output/index.ts";
import { type Figure, throughput } from "./cases/throughput.ts";

const isShort = process.argv.includes("--short");
const root = path.resolve(import.meta.dirname, "..");
execFileSync(process.execPath, [path.join(root, "scripts", "build.ts")], { stdio: "inherit" });
const scratch = await mkdtemp(path.join(tmpdir(), "wasipool-bench-"));
try {
  const figures = await throughput({ seconds: isShort ? 2 : 5, rounds: isShort ? 1 : 3, scratch });
  console.log(formatTable(["figure", "measured", "wanted", "detail"], figures.map(row)));
} finally {
  await rm(scratch, { recursive: true, force: true });
}

function row({ name, value, unit, wanted, detail }: Figure): readonly string[] {
  return [name, `${value.toFixed(2)} ${unit}`, wanted, detail];
}
