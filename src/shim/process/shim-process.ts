import type { Clock } from "../../base/index.ts";
import { createEpoch, type PreparedModule, startTicker } from "../../engine/index.ts";
import {
  frameOf,
  MessageStream,
  readRuntimeMessage,
  receiveDescriptors,
  type RuntimeMessage,
  type ShimMessage,
} from "../channel/index.ts";
import type { Notice } from "../protocol.ts";
import type { ShimSettings } from "../settings.ts";
import { StateRecord } from "../state/record.ts";
import { Commands } from "./commands.ts";
import { GatewayWorkers } from "./gateway-workers.ts";
import type { LogPiece } from "./log-ring.ts";
import { LogWindow } from "./log-window.ts";
import { replayToWorker } from "./replay.ts";
import { Requests } from "./requests.ts";

export interface ShimProcessOptions {
  /** This side's ends of the channel; the process owns them. */
  readonly stream: number;
  readonly packets: number;
  readonly workers: number;
  readonly settings: ShimSettings;
  readonly warnings: readonly string[];
  readonly clock: Clock;
  /** Called once, when the runtime is gone or nothing can be served any more; `error` says why if it is a fault. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** The shim's main thread: takes requests, keeps workers and commands, sends notices. Never runs a guest. */
export class ShimProcess {
  readonly #options: ShimProcessOptions;
  readonly #window = new LogWindow();
  readonly #stream: MessageStream;
  readonly #requests: Requests;

  /** Starts workers, then tells the runtime that it is ready. */
  static async start(options: ShimProcessOptions): Promise<void> {
    const epoch = createEpoch().memory;
    startTicker(epoch);
    const record = new StateRecord();
    const modules = new Map<string, PreparedModule>();
    // The workers' notices need the channel, which is opened once they run.
    const tell: { process?: ShimProcess } = {};
    const workers = await GatewayWorkers.start({
      count: options.workers,
      epoch,
      settings: options.settings,
      clock: options.clock,
      replay: () => replayToWorker(record, modules),
      onLog: (container, text) => tell.process?.gatewayLog(container, text),
      onReplaced: (reason, lostRequests) => tell.process?.notify({ event: "worker-replaced", reason, lostRequests }),
      onHopeless: options.onEnd,
    });
    const commands = new Commands({
      epoch,
      settings: options.settings,
      onLog: (container, piece) => tell.process?.commandLog(container, piece) ?? Promise.resolve(),
      onExit: (container, exit) => requests.commandEnded(container, exit),
    });
    const requests: Requests = new Requests({
      record,
      modules,
      workers,
      commands,
      notify: (notice) => tell.process?.notify(notice),
    });
    tell.process = new ShimProcess(options, requests);
    tell.process.notify({ event: "ready", warnings: options.warnings });
  }

  private constructor(options: ShimProcessOptions, requests: Requests) {
    this.#options = options;
    this.#requests = requests;
    this.#stream = new MessageStream(options.stream, {
      onFrame: (frame) => this.#take(readRuntimeMessage(frame)),
      onEnd: options.onEnd,
    });
  }

  notify(notice: Notice): void {
    this.#send({ kind: "notice", notice });
  }

  /** Output of a request cannot wait for its log: what comes while the window is closed is lost, and that is said. */
  gatewayLog(container: string, text: Uint8Array): void {
    if (!this.#window.isOpen(container)) return this.#window.lost(container, text.length);
    const lost = this.#window.takeLost(container);
    if (lost > 0) this.#sendLog(container, { stream: "stderr", text: Buffer.from(lossLine(lost)) });
    this.#sendLog(container, { stream: "stderr", text });
  }

  /** Resolves when the command may print more. */
  async commandLog(container: string, piece: LogPiece): Promise<void> {
    await this.#window.whenOpen(container);
    this.#sendLog(container, piece);
  }

  #take(message: RuntimeMessage): void {
    if (message.kind === "log-written") return this.#window.written(message.container, message.bytes);
    const { id, request, descriptors } = message;
    const fds = descriptors === 0 ? [] : receiveDescriptors(this.#options.packets, id, descriptors);
    void this.#requests.answer(request, fds).then((reply) => this.#send({ kind: "reply", id, reply }));
  }

  #sendLog(container: string, { stream, text }: LogPiece): void {
    this.#window.sent(container, text.length);
    this.notify({ event: "log", container, stream, text });
  }

  #send(message: ShimMessage): void {
    const { header, tail } = frameOf(message);
    this.#stream.send(header, tail);
  }
}

function lossLine(bytes: number): string {
  return `wasipool: ${bytes} bytes of output were lost: requests printed faster than the log was written\n`;
}
