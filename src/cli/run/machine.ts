import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { silentLogger, systemClock } from "../../base/index.ts";
import type { NodeInfo } from "../../kubelet/index.ts";
import { createOciImages, createRuntime, type Runtime, type RuntimeSettings } from "../../runtime/index.ts";
import { startShim } from "../../shim/index.ts";
import type { CommandContext } from "../context.ts";
import { type Images, openImages } from "../image/index.ts";
import { createLogger } from "../output/index.ts";
import { podLimitsOf, type RunFlags } from "./flags.ts";
import { type LocalImage, LocalImageLayout } from "./local-images.ts";
import { parseProcessLimits } from "./process-limits.ts";

/** The registry whose demo images are part of this package. */
const DEMO_REGISTRY = "webassembly.azurecr.io";

/** What pods run on: images, and a runtime with its shim process. Disposing it ends every container. */
export interface Machine extends AsyncDisposable {
  readonly images: Images;
  readonly local: LocalImageLayout;
  readonly runtime: Runtime;
  /** A folder that goes with the machine; only this user may enter it. */
  readonly scratch: string;
}

/** Starts it. Rejects with a Failure, StoreError or RegistryError when images or the shim process cannot be had. */
export async function startMachine(
  flags: RunFlags,
  local: readonly LocalImage[],
  context: CommandContext,
): Promise<Machine> {
  await using started = new AsyncDisposableStack();
  const scratch = await mkdtemp(path.join(os.tmpdir(), "wasipool-run-"));
  started.defer(() => rm(scratch, { recursive: true, force: true }));
  const layout = new LocalImageLayout(path.join(scratch, "images"), local);
  const images = started.use(await openImages(imageSettings(flags, layout, context), context));
  const log = context.env["WASIPOOL_DEBUG"] ? createLogger("debug") : silentLogger;
  const settings = parseProcessLimits(flags.limit);
  const runtime = started.use(
    await createRuntime({
      startShim: (onNotice) =>
        startShim({
          standby: flags.standby,
          ...(flags.workers === undefined ? {} : { workers: flags.workers }),
          settings: { ...settings, front: flags.httpFront, addresses: { allowed: flags.allowAddress } },
          log,
          clock: systemClock,
          onNotice,
        }),
      images: createOciImages(images.store, images.client, () => systemClock.now()),
      clock: systemClock,
      log,
      settings: runtimeSettings(flags, context.version),
    }),
  );
  const owned = started.move();
  return { images, local: layout, runtime, scratch, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** This machine as the node that pods run on. */
export function thisNode(): NodeInfo {
  return {
    name: os.hostname().toLowerCase(),
    ip: "127.0.0.1",
    cpus: os.availableParallelism(),
    memoryBytes: os.totalmem(),
  };
}

function imageSettings({ root, mirror = [], ...flags }: RunFlags, layout: LocalImageLayout, context: CommandContext) {
  const demo = `${DEMO_REGISTRY}=${path.join(context.packageRoot, "demo", "images")}`;
  return {
    ...flags,
    ...(root === undefined ? {} : { root: path.join(root, "images") }),
    mirror: [...layout.mirrors, ...mirror, demo],
  };
}

function runtimeSettings(flags: RunFlags, version: string): RuntimeSettings {
  return {
    limits: podLimitsOf(flags),
    // Whoever runs this may read what they may read; guests run as another user or with the same rights.
    annotationRoots: ["/"],
    version,
    ...(flags.setAddress === undefined ? {} : { address: flags.setAddress }),
  };
}
