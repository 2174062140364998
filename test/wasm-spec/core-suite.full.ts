// The assertions of the core specification's suite hold after instrumenting. WASM_SPEC_TESTSUITE names a folder of its .wast files
// (github.com/WebAssembly/testsuite); WAST_CONVERTER a `wasm-tools` or `wast2json`, which also validates what comes out.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { instrument, UnsupportedModuleError } from "../../src/wasm/index.ts";
import { instrumentedLane, type Lane, plainLane } from "./lanes.ts";
import { type Outcome, runScript } from "./runner.ts";
import type { SpecScript } from "./script.ts";

const suite = process.env["WASM_SPEC_TESTSUITE"] || undefined;
const converter = process.env["WAST_CONVERTER"] ?? "wast2json";
const isWasmTools = path.basename(converter).startsWith("wasm-tools");
const skip = suite === undefined ? "WASM_SPEC_TESTSUITE names no folder of .wast files" : false;

describe("core specification suite", { skip }, () => {
  const files = suite === undefined ? [] : globSync("*.wast", { cwd: suite }).toSorted();
  const sums = new Map<string, number>();
  const add = (key: string, count: number): void => void sums.set(key, (sums.get(key) ?? 0) + count);
  let directory = "";
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), "wasm-spec-"));
  });
  after(() => {
    rmSync(directory, { recursive: true });
    for (const [key, count] of sums) process.stderr.write(`# ${key}: ${count}\n`);
  });

  for (const file of files) {
    test(`instrument() keeps every assertion of ${file}`, async (context) => {
      const script = convert(path.join(suite ?? "", file), directory);
      if (!script) return context.skip(`${converter} cannot read it`);
      const reference = await runScript(directory, script, plainLane());
      add("assertions", reference.length);
      add("as it is: passed", passed(reference));
      for (const lane of [instrumentedLane("quiet"), instrumentedLane("firing"), instrumentedLane("suspending")]) {
        const outcomes = await runScript(directory, script, lane);
        record(lane, outcomes, add);
        assert.deepEqual(differences(reference, outcomes), [], lane.name);
      }
    });
  }

  for (const file of files) {
    test(`instrument() makes valid modules of ${file}`, (context) => {
      const script = convert(path.join(suite ?? "", file), directory);
      if (!script) return context.skip(`${converter} cannot read it`);
      for (const bytes of acceptedModules(script, directory)) {
        const instrumented = tryInstrument(bytes);
        if (!instrumented || !isValid(bytes, directory)) continue;
        add("validated by another tool", 1);
        assert.equal(isValid(instrumented, directory), true);
      }
    });
  }
});

function convert(file: string, directory: string): SpecScript | undefined {
  const json = path.join(directory, `${path.basename(file, ".wast")}.json`);
  const args = isWasmTools
    ? ["json-from-wast", file, "--wasm-dir", directory, "-o", json]
    : ["--enable-all", file, "-o", json];
  if (spawnSync(converter, args).status !== 0) return undefined;
  return JSON.parse(readFileSync(json, "utf8")) as SpecScript;
}

function passed(outcomes: readonly Outcome[]): number {
  return outcomes.filter(({ result }) => result.startsWith("pass")).length;
}

function record(lane: Lane, outcomes: readonly Outcome[], add: (key: string, count: number) => void): void {
  add(`${lane.name}: passed`, passed(outcomes));
  for (const [what, count] of Object.entries(lane.counts)) add(`${lane.name}: ${what}`, count);
}

/** Assertions that passed and no longer do, or trap with other words. */
function differences(reference: readonly Outcome[], outcomes: readonly Outcome[]): string[] {
  return reference.flatMap(({ line, result, type }, index) => {
    const now = outcomes[index]?.result;
    return result === now ? [] : [`line ${line}, ${type}: ${result}; now ${now}`];
  });
}

function acceptedModules(script: SpecScript, directory: string): Uint8Array[] {
  return script.commands
    .filter(({ type, filename }) => type === "module" && filename !== undefined)
    .map(({ filename = "", binary_filename }) => readFileSync(path.join(directory, binary_filename ?? filename)));
}

function tryInstrument(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return instrument(bytes).bytes;
  } catch (error) {
    if (error instanceof UnsupportedModuleError) return undefined;
    throw error;
  }
}

function isValid(bytes: Uint8Array, directory: string): boolean {
  const file = path.join(directory, "validated.wasm");
  writeFileSync(file, bytes);
  const [command, args] = isWasmTools
    ? [converter, ["validate", "--features", "all", file]]
    : ["wasm-validate", ["--enable-all", file]];
  return spawnSync(command, args).status === 0;
}
