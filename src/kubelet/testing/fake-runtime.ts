// A CRI runtime for tests of this module: containers run until the test ends them.
import { FakeClock } from "../../base/index.ts";
import {
  type AuthConfig,
  type ContainerConfig,
  type ContainerEvent,
  type ContainerFilter,
  type ContainerStatus,
  CriError,
  type Image,
  type ImageService,
  type PodSandboxConfig,
  type PodSandboxFilter,
  type PodSandboxStatus,
  type RuntimeService,
} from "../../cri/index.ts";

const TAKEOVER = "wasipool.dev/takeover";

interface Sandbox extends PodSandboxStatus {
  readonly config: PodSandboxConfig;
}

interface Container extends ContainerStatus {
  readonly config: ContainerConfig;
}

type Operation = keyof RuntimeService | keyof ImageService;

/** Keeps sandboxes and containers as a runtime would, notes what it was asked, and fails where told to. */
export class FakeRuntime implements RuntimeService, ImageService {
  readonly clock: FakeClock;
  readonly calls: string[] = [];
  readonly sandboxes = new Map<string, Sandbox>();
  readonly containers = new Map<string, Container>();
  readonly images = new Map<string, Image>();
  readonly pulls: { readonly image: string; readonly auth: AuthConfig | undefined }[] = [];
  /** Errors by operation and the name it is about (image, container or pod); each is thrown until it is deleted. */
  readonly failures = new Map<string, Error>();
  /** Operations that wait, by the same keys, until their promise resolves. */
  readonly gates = new Map<string, Promise<void>>();
  /** Exit codes of containers that are asked to stop. */
  readonly stopCodes = new Map<string, number>();
  /** Which sandbox holds which address, as the annotation has it. */
  readonly listeners = new Map<string, string>();
  #next = 1;
  /** Turns of the event loop that every operation takes. */
  latencyTurns = 0;
  readonly #subscribers = new Set<(event: ContainerEvent) => void>();

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  fail(operation: Operation, name: string, error: Error): void {
    this.failures.set(`${operation} ${name}`, error);
  }

  succeed(operation: Operation, name: string): void {
    this.failures.delete(`${operation} ${name}`);
  }

  /** Lets an operation wait; the function answered lets it go on. */
  hold(operation: Operation, name: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gates.set(`${operation} ${name}`, promise);
    return () => {
      this.gates.delete(`${operation} ${name}`);
      resolve();
    };
  }

  /** The newest container of a name. */
  container(name: string): Container {
    const found = [...this.containers.values()].findLast(({ metadata }) => metadata.name === name);
    if (!found) throw new Error(`There is no container ${name}`);
    return found;
  }

  /** Ends the newest container of a name. */
  exit(name: string, exitCode: number, reason = exitCode === 0 ? "Completed" : "Error", message = ""): void {
    this.#end(this.container(name), exitCode, reason, message);
  }

  /** Ends the newest running container of a name with a failure. */
  crash(name: string): void {
    const running = [...this.containers.values()].filter(({ state }) => state === "CONTAINER_RUNNING");
    const found = running.findLast(({ metadata }) => metadata.name === name);
    if (found) this.#end(found, 1, "Error", "crashed");
  }

  version() {
    return Promise.resolve({ version: "0.1.0", runtimeName: "fake", runtimeVersion: "1", runtimeApiVersion: "v1" });
  }

  status() {
    return Promise.resolve({ conditions: [] });
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    await this.#enter("runPodSandbox", config.metadata.name);
    const id = `sandbox-${this.#next++}`;
    const { metadata, labels, annotations } = config;
    this.#bind(id, annotations);
    const network = { ip: "10.1.2.3", additionalIps: [] };
    const state = "SANDBOX_READY";
    this.sandboxes.set(id, { id, metadata, state, createdAt: this.#now(), labels, annotations, network, config });
    return id;
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.sandboxes.get(id);
    await this.#enter("stopPodSandbox", sandbox?.metadata.name ?? id);
    if (!sandbox) return;
    for (const container of this.#of(id))
      if (container.state === "CONTAINER_RUNNING") this.#end(container, 137, "Error", "");
    this.loseSandbox(id);
  }

  /** The sandbox is not ready any more, as after a restart of the machine. */
  loseSandbox(id: string): void {
    const sandbox = this.sandboxes.get(id);
    if (sandbox) this.sandboxes.set(id, { ...sandbox, state: "SANDBOX_NOTREADY" });
    for (const [address, holder] of this.listeners) if (holder === id) this.listeners.delete(address);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    this.calls.push(`removePodSandbox ${this.sandboxes.get(id)?.metadata.name ?? id}`);
    for (const container of this.#of(id)) this.containers.delete(container.id);
    this.sandboxes.delete(id);
  }

  async podSandboxStatus(id: string): Promise<PodSandboxStatus> {
    const found = this.sandboxes.get(id);
    if (!found) throw new CriError("NOT_FOUND", `No sandbox ${id}`);
    return found;
  }

  async listPodSandbox(filter: PodSandboxFilter = {}) {
    const wanted = Object.entries(filter.labelSelector ?? {});
    return [...this.sandboxes.values()].filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
  }

  async createContainer(podSandboxId: string, config: ContainerConfig): Promise<string> {
    const { metadata, image, labels, annotations, mounts } = config;
    await this.#enter("createContainer", metadata.name);
    const id = `container-${this.#next++}`;
    this.containers.set(id, {
      id,
      podSandboxId,
      metadata,
      image: image.userSpecifiedImage,
      imageRef: image.image,
      state: "CONTAINER_CREATED",
      createdAt: this.#now(),
      labels,
      annotations,
      startedAt: 0n,
      finishedAt: 0n,
      exitCode: 0,
      reason: "",
      message: "",
      logPath: config.logPath,
      mounts,
      config,
    });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.#find(id);
    try {
      await this.#enter("startContainer", container.metadata.name);
    } catch (error) {
      this.#end(container, 128, "StartError", (error as Error).message);
      throw error;
    }
    this.containers.set(id, { ...this.#find(id), state: "CONTAINER_RUNNING", startedAt: this.#now() });
    this.#takeOver(container.podSandboxId);
    this.#tell("CONTAINER_STARTED_EVENT", container);
  }

  async stopContainer(id: string, timeoutSeconds: number): Promise<void> {
    const container = this.containers.get(id);
    if (!container) return;
    this.calls.push(`stopContainer ${container.metadata.name} ${timeoutSeconds}`);
    await this.#wait("stopContainer", container.metadata.name);
    const now = this.#find(id);
    if (now.state === "CONTAINER_EXITED") return;
    const code = this.stopCodes.get(container.metadata.name) ?? 0;
    this.#end(now, code, code === 0 ? "Completed" : "Error", "");
  }

  async removeContainer(id: string): Promise<void> {
    this.calls.push(`removeContainer ${this.containers.get(id)?.metadata.name ?? id}`);
    this.containers.delete(id);
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    return this.#find(id);
  }

  async listContainers(filter: ContainerFilter = {}) {
    return this.#of(filter.podSandboxId);
  }

  async containerStats(id: string) {
    return { id, cpuUsageCoreNanoSeconds: 0n, memoryWorkingSetBytes: 0n };
  }

  async *getContainerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent> {
    const queue: ContainerEvent[] = [];
    let wake = Promise.withResolvers<void>();
    const take = (event: ContainerEvent) => {
      queue.push(event);
      wake.resolve();
    };
    this.#subscribers.add(take);
    signal.addEventListener("abort", () => wake.resolve(), { once: true });
    while (!signal.aborted) {
      yield* queue.splice(0);
      await wake.promise;
      wake = Promise.withResolvers();
    }
    this.#subscribers.delete(take);
  }

  async listImages(): Promise<readonly Image[]> {
    return [...this.images.values()];
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    this.calls.push(`imageStatus ${image}`);
    return this.images.get(image);
  }

  async pullImage(image: string, auth?: AuthConfig, signal?: AbortSignal): Promise<string> {
    this.pulls.push({ image, auth });
    const aborted = Promise.withResolvers<never>();
    signal?.addEventListener("abort", () => aborted.reject(signal.reason as Error), { once: true });
    await Promise.race([this.#enter("pullImage", image), aborted.promise]);
    const id = `sha256:${image}`;
    this.images.set(image, { id, repoTags: [image], repoDigests: [], size: 1n, pinned: false });
    return id;
  }

  async removeImage(image: string): Promise<void> {
    this.images.delete(image);
  }

  async imageFsInfo() {
    return { timestamp: 0n, mountpoint: "", usedBytes: 0n, inodesUsed: 0n };
  }

  async #enter(operation: Operation, name: string): Promise<void> {
    this.calls.push(`${operation} ${name}`);
    await this.#wait(operation, name);
    const failure = this.failures.get(`${operation} ${name}`);
    if (failure) throw failure;
  }

  async #wait(operation: Operation, name: string): Promise<void> {
    await this.gates.get(`${operation} ${name}`);
    for (let turn = 0; turn < this.latencyTurns; turn++)
      await new Promise<void>((resolve) => void setImmediate(resolve));
  }

  #bind(id: string, annotations: Readonly<Record<string, string>>): void {
    if (annotations["alpha.wagi.krustlet.dev/modules"] === undefined) return;
    const address = annotations["alpha.wagi.krustlet.dev/default-host"] ?? "127.0.0.1:3000";
    const from = annotations[TAKEOVER];
    const holder = this.listeners.get(address);
    if (from === undefined && holder !== undefined)
      throw new CriError("ALREADY_EXISTS", `Cannot listen on ${address}: ${holder} listens there`);
    if (from !== undefined && holder !== from)
      throw new CriError("INVALID_ARGUMENT", `${from} has no listening socket`);
    if (from === undefined) this.listeners.set(address, id);
  }

  /** Moves the listener once all modules of the sandbox run. */
  #takeOver(id: string): void {
    const { annotations } = this.sandboxes.get(id) ?? { annotations: {} };
    const { [TAKEOVER]: from, "alpha.wagi.krustlet.dev/modules": modules } = annotations as Record<string, string>;
    if (from === undefined || modules === undefined) return;
    const running = this.#of(id).filter(({ state }) => state === "CONTAINER_RUNNING");
    const names = new Set(running.map(({ metadata }) => metadata.name));
    if (!Object.keys(JSON.parse(modules) as object).every((name) => names.has(name))) return;
    for (const [address, holder] of this.listeners) if (holder === from) this.listeners.set(address, id);
  }

  #end(container: Container, exitCode: number, reason: string, message: string): void {
    const ended = { state: "CONTAINER_EXITED", finishedAt: this.#now(), exitCode, reason, message } as const;
    this.containers.set(container.id, { ...this.#find(container.id), ...ended });
    this.#tell("CONTAINER_STOPPED_EVENT", container);
  }

  #tell(type: ContainerEvent["type"], { id, podSandboxId }: Container): void {
    for (const take of this.#subscribers) take({ type, containerId: id, podSandboxId });
  }

  #of(sandbox: string | undefined): Container[] {
    return [...this.containers.values()].filter(
      ({ podSandboxId }) => sandbox === undefined || podSandboxId === sandbox,
    );
  }

  #find(id: string): Container {
    const found = this.containers.get(id);
    if (!found) throw new CriError("NOT_FOUND", `No container ${id}`);
    return found;
  }

  #now(): bigint {
    return BigInt(this.clock.now()) * 1_000_000n;
  }
}
