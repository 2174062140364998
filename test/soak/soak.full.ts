// Full load with churn for a while (SOAK_SECONDS, 60 by default): a shim process that is killed once in the first half costs only what
// was in flight, and in the second half nothing of the process grows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { containerOf, descriptorsOf, get, residentBytes, threadsOf, type World, world } from "../shim/world.ts";

const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 60);
const CLIENTS = 8;
const MiB = 1024 * 1024;

interface Sample {
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly mappings: number;
}

function sampleOf(pid: number): Sample {
  return {
    residentBytes: residentBytes(pid),
    descriptors: descriptorsOf(pid).length,
    threads: threadsOf(pid).length,
    mappings: readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").length,
  };
}

/** Clients that ask one after another until aborted, half of them on kept connections. */
function load(url: string, over: AbortSignal) {
  const counts = { answered: 0, failed: 0 };
  const client = async (_: unknown, index: number): Promise<void> => {
    const agent = index % 2 === 0 ? new http.Agent({ keepAlive: true, maxSockets: 1 }) : false;
    while (!over.aborted) {
      const { status } = await get(url, agent).catch(() => ({ status: 0 }));
      if (status === 200) counts.answered += 1;
      else counts.failed += 1;
    }
    if (agent) agent.destroy();
  };
  return { counts, done: Promise.all(Array.from({ length: CLIENTS }, client)) };
}

/** Starts, asks and removes pods one after another, each with a module loaded for it. */
async function churn(it: World, over: AbortSignal): Promise<number> {
  let made = 0;
  for (const guest of endless(["demo/index", "test/env", "test/hello-17-pages"])) {
    if (over.aborted) return made;
    const [sandbox, name] = [`churn-${made}`, `c${made}`];
    const digest = await it.load(guest);
    const url = await it.listen(sandbox, name);
    await it.serve(sandbox, containerOf(name, { digest }));
    await get(`${url}/${name}`).catch(() => undefined);
    await it.shim.request({ op: "stop-container", container: name, graceMs: 100 });
    await it.untilExited(name);
    await it.shim.request({ op: "remove-sandbox", sandbox, graceMs: 100 });
    await it.shim.request({ op: "unload-module", digest });
    made += 1;
  }
  return made;
}

function* endless<T>(items: readonly T[]): Generator<T> {
  for (;;) yield* items;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test(`${SECONDS} s of full load with churn and a killed shim: nothing fails but what was in flight, nothing grows`, async () => {
  await using it = await world({ standby: true });
  await it.load("demo/hello");
  const url = await it.listen("s", "web");
  await it.serve("s", containerOf("web"));
  const over = new AbortController();
  const clients = load(`${url}/web`, over.signal);
  const churning = churn(it, over.signal);

  await delay((SECONDS * 1000) / 4);
  process.kill(it.pid(), "SIGKILL");
  await it.until((notices) => notices.find(({ event }) => event === "shim-restarted"));
  await delay((SECONDS * 1000) / 4);
  const pid = it.pid();
  const failedBefore = clients.counts.failed;
  const samples: Sample[] = [];
  while (samples.length < SECONDS / 2) {
    samples.push(sampleOf(pid));
    await delay(1000);
  }
  over.abort();
  const made = await churning;
  await clients.done;

  const third = Math.ceil(samples.length / 3);
  const of = (key: keyof Sample, part: readonly Sample[]) => mean(part.map((sample) => sample[key]));
  const [early, late] = [samples.slice(0, third), samples.slice(-third)];
  const told = {
    ...clients.counts,
    pods: made,
    residentMiB: [of("residentBytes", early) / MiB, of("residentBytes", late) / MiB].map(Math.round),
    descriptors: [of("descriptors", early), of("descriptors", late)].map(Math.round),
    threads: [of("threads", early), of("threads", late)],
    mappings: [of("mappings", early), of("mappings", late)].map(Math.round),
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
  assert.equal(it.pid(), pid);
  assert.ok(failedBefore <= CLIENTS, `${failedBefore} requests failed when the shim was killed`);
  assert.equal(clients.counts.failed, failedBefore);
  assert.ok(made > SECONDS / 4, `${made} pods`);
  assert.ok(of("residentBytes", late) - of("residentBytes", early) < 16 * MiB);
  assert.ok(Math.abs(of("descriptors", late) - of("descriptors", early)) < 8);
  assert.ok(Math.abs(of("threads", late) - of("threads", early)) < 1);
  assert.ok(of("mappings", late) - of("mappings", early) < 100);
});
