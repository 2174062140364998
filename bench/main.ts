// Prints the figures of docs/performance.md: ratios within one run, since machines are noisy. `--short` for a look; names of cases
// (throughput, isolation, cold, memory) narrow it.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { formatTable } from "../src/cli/output/index.ts";
import { cold } from "./cases/cold.ts";
import { isolation } from "./cases/isolation.ts";
import { memory } from "./cases/memory.ts";
import { type Figure, throughput } from "./cases/throughput.ts";

const isShort = process.argv.includes("--short");
const root = path.resolve(import.meta.dirname, "..");
execFileSync(process.execPath, [path.join(root, "scripts", "build.ts")], { stdio: "inherit" });
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const scratch = await mkdtemp(path.join(tmpdir(), "wasipool-bench-"));
const cases: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  throughput: () => throughput({ seconds: isShort ? 2 : 5, rounds: isShort ? 1 : 3, scratch }),
  isolation: () => isolation({ seconds: isShort ? 1 : 4, scratch }),
  cold: () => cold({ rounds: isShort ? 10 : 50, scratch }),
  memory: () => memory({ pods: isShort ? 200 : 1000, scratch }),
};
try {
  for (const [name, run] of Object.entries(cases)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const figures = await run();
    console.log(formatTable([name, "measured", "wanted", "detail"], figures.map(row)));
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

function row(figure: Figure): readonly string[] {
  return [figure.name, `${figure.value.toFixed(2)} ${figure.unit}`, figure.wanted, figure.detail];
}
