import { mkdtempDisposable, open, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { silentLogger, systemClock } from "../../base/index.ts";
import { type ShimClient, ShimError, type StartedRoutes, startShim } from "../../shim/index.ts";
import type { Runnable } from "./verdict.ts";

/** What a module's `_routes` came to. */
export type OwnRoutes = { readonly routes: StartedRoutes["routes"] } | { readonly problem: string };

/** The route under which a module without any of its own would be served. */
const WHOLE_SITE = "/...";
/** Of sandbox and container, which nobody else sees. */
const NAME = "inspected";
const DIGEST = "sha256:inspected";
/** Enough for `_routes`, which gets no request. */
const LIMITS = {
  timeoutMs: 5_000,
  maxRequestBodyBytes: 1,
  maxResponseBytes: 1,
  maxResponseHeaderBytes: 1,
  concurrency: 1,
  queue: 1,
} as const;
const MEMORY_BYTES = 256 * 1024 * 1024;

/** Asks a module for its routes in a shim process, as a node does: never in this one, which may hold credentials. */
export async function askOwnRoutes({ bytes, layout }: Runnable, signal: AbortSignal): Promise<OwnRoutes> {
  await using folder = await mkdtempDisposable(path.join(tmpdir(), "wasipool-inspect-"));
  const file = path.join(folder.path, "module");
  await writeFile(file, bytes, { mode: 0o600 });
  await using handle = await open(file, "r");
  const shim = await startShim({ workers: 1, log: silentLogger, clock: systemClock, signal, onNotice: () => {} });
  try {
    await shim.request({ op: "load-module", digest: DIGEST, layout }, [handle.fd]);
    return { routes: await printedRoutes(shim) };
  } catch (error) {
    if (!(error instanceof ShimError) || error.code === "closed") throw error;
    return { problem: error.message.replace(/^The module of container \S+ cannot serve: /, "") };
  } finally {
    await shim.close();
  }
}

async function printedRoutes(shim: ShimClient): Promise<StartedRoutes["routes"]> {
  await shim.request({ op: "declare-routes", sandbox: NAME, routes: [{ route: WHOLE_SITE, container: NAME }] });
  const { routes } = await shim.request({
    op: "start-wagi",
    sandbox: NAME,
    container: {
      id: NAME,
      name: NAME,
      digest: DIGEST,
      args: [],
      env: [],
      mounts: [],
      memoryBytes: MEMORY_BYTES,
      weight: 100,
    },
    wagi: { route: WHOLE_SITE, entrypoint: "_routes", allowedHosts: [], limits: LIMITS },
  });
  // The last is the one that was given, not printed.
  return routes.slice(0, -1);
}
