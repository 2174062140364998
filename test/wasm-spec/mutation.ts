import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { instrument, readModule, UnsupportedModuleError } from "../../src/wasm/index.ts";
import { sectionMutations } from "./section-mutation.ts";
import { wat } from "./wat.ts";

const GUESTS = path.resolve(import.meta.dirname, "../../guests");
/** What no module takes to read, mutated or not: a hang would. */
const MAX_MS = 2000;

const DENSE = `(module
  (type $t (func (param i32) (result i32))) (import "env" "f" (func $f (type $t))) (import "env" "g" (global $g i32))
  (memory (export "memory") 1 4) (table $table 4 8 funcref) (tag $e (param i32))
  (global $count (mut i32) (i32.const 0)) (global (mut funcref) (ref.func $h))
  (data $d "data") (data (i32.const 8) "active") (elem $s func $h $f) (elem (i32.const 0) func $h)
  (func $start (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4)) (data.drop $d))
  (func $h (type $t) (local i64 f64)
    (loop $l (br_if $l (i32.const 0))
      (block (br_table 0 1 (local.get 0))))
    (try (do (throw $e (i32.const 1))) (catch $e (drop)) (catch_all))
    (table.init $table $s (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $s)
    (table.fill $table (i32.const 0) (ref.null func) (i32.const 2)) (table.copy $table $table (i32.const 0) (i32.const 1) (i32.const 2))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 9)) (memory.copy (i32.const 0) (i32.const 1) (i32.const 9))
    (v128.store (i32.const 0) (i8x16.splat (memory.grow (memory.size))))
    (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
    (global.set $count (call $f (local.get 0)))
    (return_call_indirect $table (type $t) (global.get $g) (i32.const 0)))
  (export "h" (func $h)) (start $start))`;

/** Real modules, and one that has a bit of everything. */
export function seedModules(): Uint8Array[] {
  const real = globSync("**/*.wasm", { cwd: GUESTS }).map((file) => readFileSync(path.join(GUESTS, file)));
  return [wat(DENSE), ...real];
}

type Mutation = (bytes: number[]) => void;

/** Changes, inserts, removes, repeats or cuts bytes; half of the time near the start, where sections are. */
const mutation = fc
  .tuple(
    fc.constantFrom("set", "set", "set", "insert", "remove", "repeat", "cut"),
    fc.oneof(fc.nat({ max: 400 }), fc.nat()),
    fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0x00, 0x0b, 0x40, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff)),
    fc.integer({ min: 1, max: 12 }),
  )
  .map(([kind, place, byte, count]): Mutation => (bytes) => {
    const at = place % (bytes.length + 1);
    if (kind === "set") bytes[at] = byte;
    else if (kind === "insert") bytes.splice(at, 0, ...Array(count).fill(byte));
    else if (kind === "remove") bytes.splice(at, count);
    else if (kind === "repeat") bytes.splice(at, 0, ...bytes.slice(at, at + count));
    else bytes.length = at;
  });

const byteMutations = fc.array(mutation, { minLength: 1, maxLength: 3 }).map((mutations) => (seed: Uint8Array) => {
  const mutated = [...seed];
  for (const mutate of mutations) mutate(mutated);
  return Uint8Array.from(mutated);
});

/** Changes a module in one to three places. */
export const mutations = fc.oneof(byteMutations, sectionMutations);

/**
 * Mutated modules are read and instrumented or refused with one of the two errors; what is instrumented is valid.
 * Answers how many were instrumented.
 */
export function checkMutations(seeds: readonly Uint8Array[], numRuns: number): number {
  let instrumented = 0;
  fc.assert(
    fc.property(fc.constantFrom(...seeds), mutations, (seed, mutate) => {
      const bytes = mutate(seed);
      const start = performance.now();

      answersOrRefuses(() => readModule(bytes));
      const result = answersOrRefuses(() => instrument(bytes));

      assert.ok(performance.now() - start < MAX_MS);
      if (!result) return;
      instrumented++;
      assert.ok(WebAssembly.validate(result.bytes), "an invalid module came out");
    }),
    { numRuns },
  );
  return instrumented;
}

/** Undefined when it throws one of the two errors that modules are refused with; other errors pass. */
export function answersOrRefuses<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof UnsupportedModuleError) return undefined;
    throw error;
  }
}
