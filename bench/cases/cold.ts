import { writeFile } from "node:fs/promises";
import path from "node:path";
import { largeModule } from "../large-module.ts";
import { median, percentile } from "../statistics.ts";
import { writeVariants } from "../variants.ts";
import { startWorld, type World } from "../world.ts";
import type { Figure } from "./throughput.ts";

export interface ColdSettings {
  readonly rounds: number;
  readonly scratch: string;
}

/** Times from a pod's start to its first answer: with its module prepared on disk, and with one nobody has seen before. */
export async function cold({ rounds, scratch }: ColdSettings): Promise<Figure[]> {
  await using world = await startWorld(scratch);
  const [warmUp = "", ...prepared] = await writeVariants(scratch, "cold", rounds + 1);
  await firstAnswer(world, "warm-up", warmUp);
  const small: number[] = [];
  for (const [i, file] of prepared.entries()) {
    await world.pull(file);
    small.push(await firstAnswer(world, `cold-${i}`, file));
  }
  const large: number[] = [];
  for (const [i, file] of (await writeLarge(scratch, rounds)).entries())
    large.push(await firstAnswer(world, `large-${i}`, file));
  return [
    figureOf("first answer, module prepared on disk, p50", small, "<= 15"),
    figureOf("first answer, 100 KB module not prepared, p50", large, "<= 60"),
  ];
}

const LARGE_BYTES = 100_000;

async function writeLarge(folder: string, count: number): Promise<readonly string[]> {
  const files: string[] = [];
  for (let i = 0; i < count; i++) {
    const file = path.join(folder, `large-${i}.wasm`);
    await writeFile(file, await largeModule(`large-${i}`, LARGE_BYTES));
    files.push(file);
  }
  return files;
}

function figureOf(name: string, ms: readonly number[], wanted: string): Figure {
  const detail = `p90 ${percentile(ms, 0.9).toFixed(1)} ms of ${ms.length}`;
  return { name, value: median(ms), unit: "ms", wanted, detail };
}

/** Milliseconds from asking for the pod to the whole answer; the image is pulled and prepared if it was not yet. */
async function firstAnswer(world: World, name: string, file: string): Promise<number> {
  const startedAt = performance.now();
  await world.pull(file);
  const origin = await world.start({ name, modules: { web: { file, route: "/" } } });
  const response = await fetch(origin, { headers: { connection: "close" } });
  const text = await response.text();
  const ms = performance.now() - startedAt;
  if (response.status !== 200) throw new Error(`${name} answered ${response.status}: ${text}`);
  return ms;
}
