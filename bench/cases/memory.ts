import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { writeVariants } from "../variants.ts";
import { startWorld } from "../world.ts";
import type { Figure } from "./throughput.ts";

export interface MemorySettings {
  readonly pods: number;
  readonly scratch: string;
}

/** Time for garbage to go after the last start. */
const SETTLE_MS = 2_000;

/** What idle pods take, of few and of many images, above what the processes take without them. */
export async function memory({ pods, scratch }: MemorySettings): Promise<Figure[]> {
  return [
    ...(await idlePods({ pods, images: 10, scratch, wanted: "<= 60" })),
    ...(await idlePods({ pods, images: pods, scratch, wanted: "<= 300" })).slice(0, 1),
  ];
}

async function idlePods({
  pods,
  images,
  scratch,
  wanted,
}: MemorySettings & { images: number; wanted: string }): Promise<Figure[]> {
  const files = await writeVariants(scratch, `i${images}-`, images);
  await using world = await startWorld(scratch);
  for (const file of files) await world.pull(file);
  const [warmUp = ""] = await writeVariants(scratch, "warm-up", 1);
  await world.pull(warmUp);
  await world.start({ name: "warm-up", modules: { web: { file: warmUp, route: "/" } } });
  const before = await settledKib(world.shimPid);
  for (let i = 0; i < pods; i++)
    await world.start({ name: `pod-${i}`, modules: { web: { file: files[i % images] ?? "", route: "/" } } });
  const after = await settledKib(world.shimPid);
  const [shim, own] = [after.shim - before.shim, after.own - before.own].map((kib) => kib / pods);
  return [
    {
      name: `idle pod, ${pods} of ${images} images`,
      value: (shim ?? 0) + (own ?? 0),
      unit: "KiB",
      wanted,
      detail: `${shim?.toFixed(1)} in the shim, ${own?.toFixed(1)} in the runtime`,
    },
    {
      name: "base of the shim process with 1 worker and 1 pod",
      value: before.shim / 1024,
      unit: "MiB",
      wanted: "(<= 180 all processes, 2 workers)",
      detail: "resident",
    },
  ];
}

async function settledKib(shimPid: number): Promise<{ readonly shim: number; readonly own: number }> {
  await delay(SETTLE_MS);
  globalThis.gc?.();
  await delay(100);
  return { shim: residentKib(shimPid), own: residentKib(process.pid) };
}

function residentKib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN);
}
