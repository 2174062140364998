// What the tests of the runtime share: a runtime on doubles, pods for it, and ways to wait for it.
import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { FakeClock, silentLogger } from "../../base/index.ts";
import type { ContainerConfig, ImageService, PodSandboxConfig, RuntimeService } from "../../cri/index.ts";
import type { Observe } from "../observe.ts";
import { createRuntime, type RuntimeSettings } from "../runtime.ts";
import { FakeShim, GuestImages } from "./fakes.ts";

export const MODULES = "alpha.wagi.krustlet.dev/modules";
export const HOST = "alpha.wagi.krustlet.dev/default-host";

/** What a test needs of a runtime, be its shim a double or a real process. */
export interface RuntimeUnderTest {
  readonly dir: string;
  readonly cri: RuntimeService;
  readonly images: ImageService;
  readonly observe: Observe;
}

export async function fixture(settings: RuntimeSettings = {}) {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-runtime-"));
  const shim = new FakeShim();
  const clock = new FakeClock();
  const source = new GuestImages(path.join(dir.path, "cache"));
  const runtime = await createRuntime({
    startShim: async (onNotice) => {
      shim.notify = onNotice;
      return shim;
    },
    images: source,
    clock,
    log: silentLogger,
    settings,
  });
  const { runtimeService: cri, imageService: images, observe } = runtime;
  return {
    dir: dir.path,
    shim,
    clock,
    cri,
    images,
    source,
    observe,
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      await dir.remove();
    },
  };
}
export type Fixture = Awaited<ReturnType<typeof fixture>>;

export function sandboxConfig(
  { dir }: Pick<RuntimeUnderTest, "dir">,
  annotations: Record<string, string> = {},
  name = "pod",
  attempt = 0,
): PodSandboxConfig {
  return {
    metadata: { name, uid: `uid-${name}`, namespace: "default", attempt },
    hostname: name,
    logDirectory: path.join(dir, "logs", name),
    portMappings: [],
    labels: { app: name },
    annotations,
    linux: { network: "NODE" },
  };
}

/** A pod with one WAGI module on a free port. */
export const served = (modules: object = { web: { route: "/hello/..." } }) => ({
  [HOST]: "127.0.0.1:0",
  [MODULES]: JSON.stringify(modules),
});

export function containerConfig(name: string, image: string, more: Partial<ContainerConfig> = {}): ContainerConfig {
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
    logPath: `${name}/0.log`,
    linux: { resources: { cpuShares: 0, memoryLimitInBytes: 0 } },
    ...more,
  };
}

export async function started(it: RuntimeUnderTest, sandbox: string, config: ContainerConfig): Promise<string> {
  const image = await it.images.pullImage(config.image.image);
  const id = await it.cri.createContainer(sandbox, { ...config, image: { ...config.image, image } }, sandboxConfig(it));
  await it.cri.startContainer(id);
  return id;
}

export async function connects(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = net.connect(Number(port), hostname);
  socket.once("connect", resolve).once("error", reject);
  await promise.finally(() => socket.destroy());
}

export async function untilExited(it: Fixture, id: string): Promise<void> {
  await until(async () => (await it.cri.containerStatus(id)).state === "CONTAINER_EXITED");
}

export async function untilAsked(it: Fixture, op: string): Promise<void> {
  await until(async () => it.shim.ops().some((asked) => asked === op));
}

export async function until(isDone: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await isDone()); turns++) {
    assert.ok(turns < 10_000, "it never came");
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
