// Runs the tests with node:test: `npm test` the quick ones (src/, test/), `--full` also *.full.ts. Fails when no test ran.
// A path or a part of one as argument narrows it: `npm test -- src/wasm`. `--coverage` also measures which lines of src/ ran
// and fails below the gate; processes that start with an empty environment (the shim) do not count.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";

/** Lines of src/ that the quick tests must run, in percent. */
const COVERED_LINES = 90;
/** A test file that takes longer hangs; the slowest of the quick ones takes well under a minute. */
const FILE_TIMEOUT_MS = { quick: 180_000, full: 3_600_000 } as const;

const root = path.resolve(import.meta.dirname, "..");
const isFull = process.argv.includes("--full");
const isMeasured = process.argv.includes("--coverage");
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
  `--test-timeout=${isFull ? FILE_TIMEOUT_MS.full : FILE_TIMEOUT_MS.quick}`,
  "--disable-warning=ExperimentalWarning",
  "--test-reporter=spec",
  "--test-reporter-destination=stdout",
  ...(isMeasured ? coverageFlags() : []),
];
const runner = spawn(process.execPath, [...flags, ...files], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
let tail = "";
runner.stdout.on("data", (chunk: Buffer) => {
  process.stdout.write(chunk);
  tail = (tail + chunk.toString()).slice(-200_000);
});
runner.on("close", (code) => {
  const passed = Number(/^ℹ pass (\d+)$/m.exec(tail)?.[1] ?? 0);
  if (passed === 0) console.error("No test ran");
  process.exit(passed === 0 ? 1 : (code ?? 1));
});

function coverageFlags(): readonly string[] {
  return [
    "--experimental-test-coverage",
    "--test-coverage-include-all",
    "--test-coverage-include=src/**/*.ts",
    "--test-coverage-exclude=src/**/*.{test,full}.ts",
    "--test-coverage-exclude=src/**/testing/**",
    `--test-coverage-lines=${COVERED_LINES}`,
  ];
}
