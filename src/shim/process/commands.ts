import { Worker } from "node:worker_threads";
import type { PreparedModule } from "../../engine/index.ts";
import type { ContainerExit, ContainerSpec, ContainerUsage } from "../protocol.ts";
import type { ShimSettings } from "../settings.ts";
import { commandWorkerUrl } from "./entry.ts";
import { type LogPiece, LogRing } from "./log-ring.ts";
import { RefusedError } from "./worker-protocol.ts";

/** Commands that run at a time: a thread and about 7 MB each. More are refused with `exhausted`. */
export const MAX_COMMANDS = 256;

/** Exit codes as of a process that a signal ended. */
const TERMINATED_EXIT_CODE = 143;
const KILLED_EXIT_CODE = 137;
const CRASHED_EXIT_CODE = 134;

/** What a command's worker starts with. */
export interface CommandSetup {
  readonly prepared: PreparedModule;
  readonly container: ContainerSpec;
  readonly fds: readonly number[];
  readonly epoch: WebAssembly.Memory;
  readonly settings: ShimSettings;
  readonly log: SharedArrayBuffer;
}

export interface CommandsOptions {
  readonly epoch: WebAssembly.Memory;
  readonly settings: ShimSettings;
  /** Takes output; resolves when there may be more of this container. */
  readonly onLog: (container: string, piece: LogPiece) => Promise<void>;
  /** Called after the last output, once for each command that was started. */
  readonly onExit: (container: string, exit: ContainerExit) => void;
}

interface Command {
  readonly worker: Worker;
  readonly startedAt: number;
  cpuMs: number;
  /** Why its thread was ended, if it was. */
  stopped?: ContainerExit;
}

/** Commands, each in a worker of its own, so that ending one ends nothing else. */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #running = new Map<string, Command>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  has(container: string): boolean {
    return this.#running.has(container);
  }

  /** Starts a command. `fds` must stay open until `onExit`. */
  start(container: ContainerSpec, prepared: PreparedModule, fds: readonly number[]): void {
    if (this.#running.has(container.id)) throw new RefusedError("internal", `Container ${container.id} runs already`);
    if (this.#running.size >= MAX_COMMANDS) {
      throw new RefusedError("exhausted", `${MAX_COMMANDS} commands run already; end one, or run it on another node`);
    }
    const ring = new LogRing();
    const { epoch, settings } = this.#options;
    const setup: CommandSetup = { prepared, container, fds, epoch, settings, log: ring.memory };
    const worker = new Worker(commandWorkerUrl(), { workerData: setup });
    this.#running.set(container.id, { worker, startedAt: performance.now(), cpuMs: 0 });
    void this.#follow(container.id, worker, ring);
  }

  /** WASI has no signals, so a command cannot clean up: it ends at once, as one without a handler does on SIGTERM. */
  stop(container: string, graceMs: number): void {
    const command = this.#running.get(container);
    if (!command) return;
    const exitCode = graceMs > 0 ? TERMINATED_EXIT_CODE : KILLED_EXIT_CODE;
    command.stopped ??= { exitCode, reason: "Error", message: "The command was stopped" };
    void command.worker.terminate();
  }

  /** CPU time of the command's thread, compiling included. */
  async usage(container: string): Promise<ContainerUsage> {
    const command = this.#running.get(container);
    if (!command) throw new RefusedError("not-found", `No command ${container} runs`);
    const { user, system } = await command.worker.cpuUsage();
    command.cpuMs = (user + system) / 1000;
    return { cpuMs: command.cpuMs, memoryBytes: 0, requests: 0, failures: 0 };
  }

  close(): void {
    for (const container of this.#running.keys()) this.stop(container, 0);
  }

  async #follow(container: string, worker: Worker, ring: LogRing): Promise<void> {
    let told: ContainerExit | undefined;
    let isOver = false;
    worker.on("message", (exit: ContainerExit) => (told ??= exit));
    worker.on("error", (error: Error) => (told ??= crashed(error)));
    const ended = new Promise<void>((resolve) => {
      worker.on("exit", () => {
        isOver = true;
        ring.wake();
        resolve();
      });
    });
    const drain = async (): Promise<void> => {
      for (;;) {
        const wasOver = isOver;
        const piece = ring.read();
        if (piece) await this.#options.onLog(container, piece);
        else if (wasOver) return;
        else await ring.readable();
      }
    };
    await Promise.all([ended, drain()]);
    const stopped = this.#running.get(container)?.stopped;
    this.#running.delete(container);
    this.#options.onExit(container, told ?? stopped ?? crashed(new Error("its thread ended by itself")));
  }
}

function crashed(error: Error): ContainerExit {
  return {
    exitCode: CRASHED_EXIT_CODE,
    reason: "Error",
    message: `The thread that ran the command failed: ${error.message}`,
  };
}
