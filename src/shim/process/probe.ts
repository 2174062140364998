import type { Clock } from "../../base/index.ts";
import type { Guest, Invocation, Outcome, PreparedModule } from "../../engine/index.ts";
import { type EntryRoute, MAX_ROUTES_OUTPUT_BYTES, parseRoutesOutput, RouteSyntaxError } from "../../gateway/index.ts";
import { type ByteSink, type Preopen, SinkFull } from "../../wasi/index.ts";
import type { ContainerSpec, WagiSpec } from "../protocol.ts";
import { RefusedError } from "./worker-protocol.ts";

/** Time that `_routes` may take: a module that loops in it must not hold a pod's start for long. -> the container fails */
export const ROUTES_TIMEOUT_MS = 5_000;
const MAX_STDERR_BYTES = 4096;

export interface Probed {
  readonly container: ContainerSpec;
  readonly wagi: WagiSpec;
  readonly preopens: readonly Preopen[];
}

/**
 * The routes of a module in the order they are tried, those of its `_routes` first. Throws `RefusedError` "unusable" when an entry
 * point is missing or `_routes` fails.
 */
export async function probe(
  guest: Guest,
  { module }: PreparedModule,
  probed: Probed,
  clock: Clock,
): Promise<readonly EntryRoute[]> {
  const functions = new Set(
    WebAssembly.Module.exports(module)
      .filter(({ kind }) => kind === "function")
      .map(({ name }) => name),
  );
  const own: EntryRoute = { route: probed.wagi.route, entrypoint: probed.wagi.entrypoint };
  const routes = functions.has("_routes") ? await askRoutes(guest, own, probed, clock) : [own];
  const missing = routes.find(({ entrypoint }) => !functions.has(entrypoint));
  if (missing) {
    throw unusable(
      probed,
      `it does not export the function ${missing.entrypoint} that is to answer ${missing.route}; it exports ${listed(functions)}`,
    );
  }
  return routes;
}

async function askRoutes(guest: Guest, own: EntryRoute, probed: Probed, clock: Clock): Promise<readonly EntryRoute[]> {
  const stdout = new Kept(MAX_ROUTES_OUTPUT_BYTES, true);
  const stderr = new Kept(MAX_STDERR_BYTES, false);
  const invocation: Invocation = {
    entrypoint: "_routes",
    args: [],
    env: [],
    stdin: { read: () => new Uint8Array(0) },
    stdout,
    stderr,
    preopens: probed.preopens,
    account: { id: probed.container.id, weight: probed.container.weight, cpuMs: 0 },
    deadlineMs: clock.monotonic() + ROUTES_TIMEOUT_MS,
  };
  const outcome = await guest.run(invocation);
  const fault = faultOf(outcome);
  if (fault !== undefined) throw unusable(probed, `_routes ${fault}${stderr.isEmpty ? "" : `: ${stderr.text.trim()}`}`);
  try {
    return parseRoutesOutput(own, stdout.bytes);
  } catch (error) {
    if (!(error instanceof RouteSyntaxError)) throw error;
    throw unusable(probed, error.message, error);
  }
}

/** What went wrong with a run, in words that go after its entry point; undefined when nothing did. */
function faultOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case "exited":
      return outcome.code === 0 ? undefined : `exited with code ${outcome.code}`;
    case "trapped":
      return `trapped: ${outcome.message}`;
    case "stopped":
      return outcome.reason === "deadline"
        ? `did not end within ${ROUTES_TIMEOUT_MS} ms`
        : `was stopped: ${outcome.reason}`;
    case "busy":
      return "could not run: the worker has no room";
    case "unusable":
      return `cannot be called: ${outcome.message}`;
  }
}

function unusable({ container }: Probed, why: string, cause?: Error): RefusedError {
  return new RefusedError("unusable", `The module of container ${container.name} cannot serve: ${why}`, { cause });
}

function listed(names: ReadonlySet<string>): string {
  const shown = [...names].filter((name) => !name.startsWith("wasipool:")).slice(0, 20);
  return shown.length === 0 ? "no function" : shown.join(", ");
}

/** Keeps what a run prints, up to a limit. */
class Kept implements ByteSink {
  readonly #limitBytes: number;
  readonly #isStrict: boolean;
  #chunks: Buffer[] = [];
  #length = 0;

  /** A strict one ends the run at its limit; another drops what is too much. */
  constructor(limitBytes: number, isStrict: boolean) {
    this.#limitBytes = limitBytes;
    this.#isStrict = isStrict;
  }

  write(bytes: Uint8Array): void {
    const room = this.#limitBytes - this.#length;
    if (bytes.length > room && this.#isStrict) throw new SinkFull(this.#limitBytes);
    const kept = Buffer.from(bytes.subarray(0, room));
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  get text(): string {
    return this.bytes.toString();
  }
}
