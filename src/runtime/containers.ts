import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Clock, Logger } from "../base/index.ts";
import { type ContainerConfig, CriError } from "../cri/index.ts";
import { type ContainerExit, type ShimClient, ShimError } from "../shim/index.ts";
import { containerSpecOf, refuseMalformed, refuseUnrunnable, wagiSpecOf } from "./container-spec.ts";
import type { RunnableImage, RuntimeImages } from "./images/index.ts";
import { ContainerLog, type LogStream, type Rotation } from "./logs/index.ts";
import type { LoadedModules } from "./modules.ts";
import { type FolderPolicy, foldersOf, openFolders } from "./mounts.ts";
import { Serial } from "./serial.ts";
import {
  addUsage,
  type ContainerRecord,
  isRunning,
  nanoseconds,
  NO_USAGE,
  type SandboxRecord,
  startError,
  type UsageRecord,
} from "./state.ts";
import type { RuntimeStore } from "./store.ts";

export interface ContainersOptions {
  readonly store: RuntimeStore;
  readonly shim: ShimClient;
  readonly images: RuntimeImages;
  readonly modules: LoadedModules;
  readonly clock: Clock;
  readonly log: Logger;
  readonly rotation: Rotation;
  readonly folders: FolderPolicy;
  /** Called when a WAGI container of a sandbox began to serve, before it counts as running. */
  readonly onServing: (sandbox: SandboxRecord) => Promise<void>;
}

/** What a container holds while it runs. */
interface Running {
  readonly log: ContainerLog;
  /** Its use of the loaded module. */
  module?: Disposable;
  readonly exit: PromiseWithResolvers<ContainerExit>;
  /** Settles once the container counts as exited. */
  finished?: Promise<void>;
}

/** Time beyond its grace within which the shim must tell that a container has ended. */
const STOP_MARGIN_MS = 5_000;
/** Longest grace; timers reach no further than 24 days. */
const MAX_GRACE_MS = 14 * 24 * 3_600_000;
/** A shim that is slower to tell its figures does not hold up who asks: the last known ones are told. */
const STATS_TIMEOUT_MS = 1_000;
const NEVER_STARTED: ContainerExit = {
  exitCode: 137,
  reason: "Error",
  message: "It was stopped before it was started",
};
const KILLED: ContainerExit = { exitCode: 137, reason: "Error", message: "The shim did not tell the end in time" };

/** Containers through their life: created, running, exited, gone. Operations on one container never overlap. */
export class Containers implements AsyncDisposable {
  readonly #options: ContainersOptions;
  readonly #serial = new Serial();
  /** Images of all containers there are, by container: nobody may collect them. */
  readonly #images = new Map<string, RunnableImage>();
  readonly #running = new Map<string, Running>();

  constructor(options: ContainersOptions) {
    this.#options = options;
  }

  /** Checks the image and the module in it, so that what can never run is refused here. */
  async create(sandbox: SandboxRecord, config: ContainerConfig): Promise<string> {
    const { store, images } = this.#options;
    const wagi = sandbox.annotations.wagi?.modules.find(({ container }) => container === config.metadata.name);
    refuseMalformed(config, wagi);
    await using kept = new AsyncDisposableStack();
    const image = kept.use(await images.runnable(config.image.image));
    this.#checkSandbox(sandbox);
    this.#checkName(sandbox, config);
    refuseUnrunnable(config, image.module.inspection, wagi, sandbox.annotations.limits);
    const record = this.#recordOf(sandbox, config, image);
    const created = wagi ? { ...record, module: wagi } : record;
    store.containers.set(created.id, created);
    this.#images.set(created.id, image);
    kept.move();
    store.tell("CONTAINER_CREATED_EVENT", created);
    return created.id;
  }

  start(id: string): Promise<void> {
    return this.#serial.run(id, async () => {
      const record = this.#options.store.container(id);
      const sandbox = this.#options.store.sandbox(record.podSandboxId);
      this.#checkSandbox(sandbox);
      if (record.state !== "CONTAINER_CREATED")
        throw new CriError(
          "FAILED_PRECONDITION",
          `Container ${id} is ${record.state}; only a created one can be started`,
        );
      try {
        await this.#run(sandbox, record);
      } catch (error) {
        await this.#finish(record, startError((error as Error).message));
        throw error instanceof CriError ? error : startFailure(record, error);
      }
    });
  }

  /** An unknown or ended container is no error. */
  stop(id: string, graceMs: number): Promise<void> {
    return this.#serial.run(id, async () => {
      const record = this.#options.store.containers.get(id);
      if (record) await this.#stop(record, graceMs);
    });
  }

  remove(id: string): Promise<void> {
    return this.#serial.run(id, async () => {
      const { store } = this.#options;
      const record = store.containers.get(id);
      if (!record) return;
      await this.#stop(record, 0);
      store.containers.delete(id);
      this.#noteRemoved(record);
      await this.#images.get(id)?.[Symbol.asyncDispose]();
      this.#images.delete(id);
      store.tell("CONTAINER_DELETED_EVENT", record);
    });
  }

  /** Fetches the shim's figures for a running container; those of one that ended stay as they were. */
  async refreshUsage(record: ContainerRecord): Promise<void> {
    if (!isRunning(record)) return;
    const { usageBefore } = record;
    const now = await this.#askUsage(record.id);
    // A shim that died meanwhile has told its last figures: they count as before already.
    if (now && usageBefore === record.usageBefore) record.usage = addUsage(usageBefore, now);
  }

  /** From the shim's client: another shim process serves from now on, whose figures begin at nothing. */
  shimRestarted(): void {
    for (const record of this.#options.store.containers.values()) record.usageBefore = record.usage;
  }

  /** From the shim: output of a container. Answers a promise while its log cannot take more. */
  output(id: string, stream: LogStream, bytes: Uint8Array): Promise<void> | undefined {
    return this.#running.get(id)?.log.write(stream, bytes);
  }

  /** From the shim: a container has ended. */
  exited(id: string, exit: ContainerExit): void {
    this.#running.get(id)?.exit.resolve(exit);
  }

  /** Gives up the images; containers are ended by stopping their sandboxes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#images.values()].map((image) => image[Symbol.asyncDispose]()));
    this.#images.clear();
  }

  #recordOf(sandbox: SandboxRecord, config: ContainerConfig, { imageRef, module }: RunnableImage): ContainerRecord {
    return {
      id: randomBytes(32).toString("hex"),
      podSandboxId: sandbox.id,
      config,
      imageRef,
      moduleDigest: module.digest,
      logPath: path.join(sandbox.config.logDirectory, config.logPath),
      createdAt: nanoseconds(this.#options.clock.now()),
      state: "CONTAINER_CREATED",
      startedAt: 0n,
      finishedAt: 0n,
      exit: undefined,
      routes: [],
      usage: NO_USAGE,
      usageBefore: NO_USAGE,
    };
  }

  #checkSandbox(sandbox: SandboxRecord): void {
    if (sandbox.state !== "SANDBOX_READY")
      throw new CriError(
        "FAILED_PRECONDITION",
        `Sandbox ${sandbox.id} of pod ${this.#options.store.podName(sandbox.id)} is stopped`,
      );
  }

  #checkName(sandbox: SandboxRecord, { metadata }: ContainerConfig): void {
    const taken = this.#options.store
      .containersOf(sandbox.id)
      .find(({ config }) => config.metadata.name === metadata.name && config.metadata.attempt === metadata.attempt);
    if (taken)
      throw new CriError(
        "ALREADY_EXISTS",
        `Container ${metadata.name}, attempt ${metadata.attempt}, exists already as ${taken.id}`,
      );
  }

  async #run(sandbox: SandboxRecord, record: ContainerRecord): Promise<void> {
    const { store, modules, clock } = this.#options;
    const image = this.#images.get(record.id);
    if (!image) throw new Error("The runtime is being closed");
    const running: Running = { log: await this.#openLog(record), exit: Promise.withResolvers() };
    this.#running.set(record.id, running);
    running.module = await modules.use(image.module);
    await this.#startInShim(sandbox, record);
    record.state = "CONTAINER_RUNNING";
    record.startedAt = nanoseconds(clock.now());
    store.tell("CONTAINER_STARTED_EVENT", record);
    // The end may be known already; it counts from now on.
    running.finished = running.exit.promise.then((exit) => this.#finish(record, exit));
  }

  async #startInShim(sandbox: SandboxRecord, record: ContainerRecord): Promise<void> {
    const { shim, onServing } = this.#options;
    const { limits } = sandbox.annotations;
    const folders = foldersOf(record.config.mounts, record.module);
    using open = openFolders(folders, this.#options.folders);
    const container = containerSpecOf(record, folders, limits);
    if (!record.module) {
      await shim.request({ op: "start-command", sandbox: sandbox.id, container }, open.fds);
      return;
    }
    const wagi = wagiSpecOf(record.module, limits);
    const { routes } = await shim.request({ op: "start-wagi", sandbox: sandbox.id, container, wagi }, open.fds);
    record.routes = routes;
    try {
      await onServing(sandbox);
    } catch (error) {
      await this.#endInShim(record.id, 0);
      throw error;
    }
  }

  /** A full disk must not keep a container from running; any other fault of the log's place must be told. */
  async #openLog(record: ContainerRecord): Promise<ContainerLog> {
    const { clock, log, rotation } = this.#options;
    const containerLog = new ContainerLog({ path: record.logPath, rotation, clock, log });
    try {
      await containerLog.open();
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT") throw new Error(`Cannot open its log: ${message}`, { cause });
    }
    return containerLog;
  }

  async #stop(record: ContainerRecord, graceMs: number): Promise<void> {
    const running = this.#running.get(record.id);
    if (running) {
      await this.refreshUsage(record);
      await this.#endInShim(record.id, Math.min(graceMs, MAX_GRACE_MS));
      await running.finished;
    } else if (record.state === "CONTAINER_CREATED") await this.#finish(record, NEVER_STARTED);
  }

  async #endInShim(id: string, graceMs: number): Promise<ContainerExit> {
    const { shim, clock, log } = this.#options;
    const running = this.#running.get(id);
    if (!running) return KILLED;
    using _timer = clock.after(graceMs + STOP_MARGIN_MS, () => {
      log.error("container did not end in time", { container: id, graceMs });
      running.exit.resolve(KILLED);
    });
    shim.request({ op: "stop-container", container: id, graceMs }).catch((error: unknown) => {
      log.error("container could not be stopped", { container: id, error: String(error) });
      running.exit.resolve({ ...KILLED, message: (error as Error).message });
    });
    // Awaited here: the timer must live until then.
    return await running.exit.promise;
  }

  /** Undefined when the shim does not know or does not answer in time. */
  async #askUsage(container: string): Promise<UsageRecord | undefined> {
    const { shim, clock, log } = this.#options;
    const late = Promise.withResolvers<undefined>();
    using _timer = clock.after(STATS_TIMEOUT_MS, () => late.resolve(undefined));
    const answer = shim.request({ op: "stats", container }).catch((error: unknown) => {
      log.debug("no figures from the shim", { container, error: String(error) });
      return undefined;
    });
    return await Promise.race([answer, late.promise]);
  }

  #noteRemoved({ config, podSandboxId, module, usage }: ContainerRecord): void {
    const removed = this.#options.store.sandboxes.get(podSandboxId)?.removed;
    const { name } = config.metadata;
    if (module) removed?.set(name, addUsage(removed.get(name) ?? NO_USAGE, usage));
  }

  /** The log is whole before the container counts as exited: who waits for the end may read it at once. */
  async #finish(record: ContainerRecord, exit: ContainerExit): Promise<void> {
    const { store, clock, log } = this.#options;
    const running = this.#running.get(record.id);
    await running?.log[Symbol.asyncDispose]().catch((error: unknown) => {
      log.error("container log could not be closed", { container: record.id, error: String(error) });
    });
    running?.module?.[Symbol.dispose]();
    this.#running.delete(record.id);
    record.state = "CONTAINER_EXITED";
    record.finishedAt = nanoseconds(clock.now());
    record.exit = exit;
    if (record.module) store.runtimeEvents.publish({ kind: "routes-changed", podSandboxId: record.podSandboxId });
    store.tell("CONTAINER_STOPPED_EVENT", record);
  }
}

function startFailure({ config, id }: ContainerRecord, cause: unknown): CriError {
  const message = `Cannot start container ${config.metadata.name} (${id.slice(0, 13)}): ${(cause as Error).message}`;
  const code = !(cause instanceof ShimError)
    ? "FAILED_PRECONDITION"
    : cause.code === "exhausted"
      ? "RESOURCE_EXHAUSTED"
      : cause.code === "unusable"
        ? "FAILED_PRECONDITION"
        : "INTERNAL";
  return new CriError(code, message, { cause });
}
