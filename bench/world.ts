// A runtime in this process with a shim process of its own, for cases that need many pods or one step of a pod's start alone.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { silentLogger, systemClock } from "../src/base/index.ts";
import { type ContainerConfig, CriError, type PodSandboxConfig, type RuntimeService } from "../src/cri/index.ts";
import { createRuntime, type ImageSource, type StoredImage } from "../src/runtime/index.ts";
import { type ShimClient, startShim } from "../src/shim/index.ts";

const GUESTS = path.resolve(import.meta.dirname, "..", "guests");

/** A module file below guests/. */
export function guestFile(name: string): string {
  return path.join(GUESTS, name);
}

export interface PodSpec {
  readonly name: string;
  /** Container name to the path of its module and its route. */
  readonly modules: Readonly<Record<string, { readonly file: string; readonly route: string }>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface World extends AsyncDisposable {
  readonly shimPid: number;
  /** Shim processes and workers that died so far. */
  restarts(): number;
  /** Pulls and prepares a module file, so that a pod's start finds it on disk. */
  pull(file: string): Promise<void>;
  /** Makes the sandbox and its containers and starts them; answers the URL it listens on, without a path. */
  start(pod: PodSpec): Promise<string>;
}

/** A runtime on files: an image's name is the path of its module. `scratch` is the caller's. */
export async function startWorld(scratch: string, workers = 1): Promise<World> {
  const folder = await mkdtemp(path.join(scratch, "world-"));
  let shim: ShimClient | undefined;
  let restarts = 0;
  const runtime = await createRuntime({
    startShim: async (onNotice) =>
      (shim = await startShim({
        workers,
        log: silentLogger,
        clock: systemClock,
        onNotice: (notice) => {
          if (notice.event === "shim-restarted" || notice.event === "worker-replaced") restarts++;
          return onNotice(notice);
        },
      })),
    images: fileImages(path.join(folder, "prepared")),
    clock: systemClock,
    log: silentLogger,
  });
  return {
    get shimPid() {
      return shim?.pid ?? 0;
    },
    restarts: () => restarts,
    async pull(file) {
      await runtime.imageService.pullImage(file);
    },
    async start(pod) {
      const config = sandboxConfig(pod, folder);
      const sandbox = await runtime.runtimeService.runPodSandbox(config);
      for (const [name, { file }] of Object.entries(pod.modules))
        await startContainer(runtime.runtimeService, sandbox, containerConfig(name, file), config);
      const [route] = runtime.observe.routes(sandbox);
      return new URL(route?.url ?? "").origin;
    },
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startContainer(
  cri: RuntimeService,
  sandbox: string,
  container: ContainerConfig,
  pod: PodSandboxConfig,
): Promise<void> {
  await cri.startContainer(await cri.createContainer(sandbox, container, pod));
}

function sandboxConfig({ name, modules, annotations }: PodSpec, folder: string): PodSandboxConfig {
  const routes = Object.fromEntries(Object.entries(modules).map(([container, { route }]) => [container, { route }]));
  return {
    metadata: { name, uid: name, namespace: "bench", attempt: 0 },
    hostname: name,
    logDirectory: path.join(folder, "logs", name),
    portMappings: [],
    labels: {},
    annotations: {
      "alpha.wagi.krustlet.dev/default-host": "127.0.0.1:0",
      "alpha.wagi.krustlet.dev/modules": JSON.stringify(routes),
      ...annotations,
    },
    linux: { network: "NODE" },
  };
}

function containerConfig(name: string, image: string): ContainerConfig {
  return {
    metadata: { name, attempt: 0 },
    image: { image, userSpecifiedImage: image },
    command: [],
    args: [],
    workingDir: "",
    envs: [],
    mounts: [],
    labels: {},
    annotations: {},
    logPath: `${name}.log`,
    linux: { resources: { cpuShares: 0, memoryLimitInBytes: 0 } },
  };
}

function fileImages(prepared: string): ImageSource {
  const known = new Map<string, StoredImage>();
  return {
    list: () => Promise.resolve([...known.values()]),
    find: (image) => Promise.resolve(known.get(image)),
    async pull(image) {
      const bytes = await readFile(image);
      const moduleDigest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const stored: StoredImage = {
        digest: moduleDigest,
        repoTags: [image],
        repoDigests: [],
        sizeBytes: bytes.length,
        moduleDigest,
        modulePath: image,
      };
      known.set(image, stored);
      return stored;
    },
    remove: (image) => Promise.resolve(void known.delete(image)),
    lease: () => Promise.resolve(new AsyncDisposableStack()),
    usage: () => Promise.reject(new CriError("UNIMPLEMENTED", "A bench has no store")),
    preparedFolder: (digest, version) => path.join(prepared, version, digest.slice("sha256:".length)),
  };
}
