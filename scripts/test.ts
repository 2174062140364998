// Runs the tests with node:test: `npm test` the quick ones (src/, test/), `--full` also *.full.ts. Fails when no test ran.
// A path or a part of one as argument narrows it: `npm test -- src/wasm`.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const isFull = process.argv.includes("--full");
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const patterns = [
  "src/**/*.test.ts",
  "test/**/*.test.ts",
  ...(isFull ? ["src/**/*.full.ts", "test/**/*.full.ts"] : []),
];
const files = patterns
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .toSorted();
if (files.length === 0) {
  console.error(`No test file matches ${wanted.join(" ") || patterns.join(" ")}`);
  process.exit(1);
}

const flags = [
  "--test",
  "--disable-warning=ExperimentalWarning",
  "--test-reporter=spec",
  "--test-reporter-destination=stdout",
];
const runner = spawn(process.execPath, [...flags, ...files], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
let tail = "";
runner.stdout.on("data", (chunk: Buffer) => {
  process.stdout.write(chunk);
  tail = (tail + chunk.toString()).slice(-4000);
});
runner.on("close", (code) => {
  const passed = Number(/^ℹ pass (\d+)$/m.exec(tail)?.[1] ?? 0);
  if (passed === 0) console.error("No test ran");
  process.exit(passed === 0 ? 1 : (code ?? 1));
});
