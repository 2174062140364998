import { type Clock, type Logger, sleep } from "../../base/index.ts";
import {
  frameOf,
  MessageStream,
  ProtocolError,
  readShimMessage,
  type RuntimeMessage,
  sendDescriptors,
  type ShimMessage,
} from "../channel/index.ts";
import { launchShim, type LaunchedShim, type LaunchOptions } from "../launch/index.ts";
import type { Notice, Reply, Request } from "../protocol.ts";

/** The process ended, or was ended because it broke the protocol, before it replied. */
export class ConnectionLostError extends Error {
  constructor(reason: string) {
    super(`The shim process ended before it answered: ${reason}`);
    this.name = "ConnectionLostError";
  }
}

export interface ConnectionOptions extends LaunchOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Aborting it ends the process at once. */
  readonly signal: AbortSignal;
  readonly onNotice: (notice: Notice) => void;
}

/** A shim that has not said `ready` after this long is ended; a start takes well under a second. */
const READY_TIMEOUT_MS = 20_000;
/** How often to offer descriptors again that the kernel does not take because the shim has not received the last ones. */
const DESCRIPTOR_RETRY_MS = 2;

/** One shim process and the channel to it, until it ends. */
export class ShimConnection {
  /** Why it ended; never rejects. Every request is settled before. */
  readonly ended: Promise<string>;
  readonly #options: ConnectionOptions;
  readonly #process: LaunchedShim;
  readonly #stream: MessageStream;
  readonly #ready = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #closed = Promise.withResolvers<void>();
  #lastId = 0;
  #sending: Promise<void> = Promise.resolve();
  #fault: string | undefined;
  #isOver = false;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#process = launchShim(options);
    this.#stream = new MessageStream(this.#process.stream, {
      onFrame: (frame) => this.#take(readShimMessage(frame)),
      onEnd: (error) => this.#onStreamEnd(error),
    });
    this.ended = this.#end();
    const stop = () => this.kill("the client was closed");
    options.signal.addEventListener("abort", stop, { once: true });
    void this.ended.then(() => options.signal.removeEventListener("abort", stop));
  }

  /** Starts a process and waits until its workers run. Rejects with why it ended when it does not come up. */
  static async open(options: ConnectionOptions): Promise<ShimConnection> {
    const connection = new ShimConnection(options);
    using _ = options.clock.after(READY_TIMEOUT_MS, () => connection.kill("it was not ready in time"));
    await connection.#ready.promise;
    return connection;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Whether the process has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a request after those before it. Rejects with `ConnectionLostError` when the shim ends first. */
  async request(request: Request, fds: readonly number[] = []): Promise<Reply> {
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<Reply>();
    this.#waiting.set(id, waiting);
    if (this.#isOver) waiting.reject(new ConnectionLostError("it is gone"));
    else this.#enqueue({ kind: "request", id, descriptors: fds.length, request }, fds);
    return waiting.promise;
  }

  /** Lets the shim send so many more bytes of a container's log. */
  logWritten(container: string, bytes: number): void {
    this.#send({ kind: "log-written", container, bytes });
  }

  /** Ends the process at once. `ended` tells when it is gone. */
  kill(reason: string): void {
    this.#fault ??= reason;
    this.#process.kill();
    this.#stream.end();
  }

  #enqueue(message: Extract<RuntimeMessage, { kind: "request" }>, fds: readonly number[]): void {
    this.#sending = this.#sending
      .then(() => this.#passDescriptors(message.id, fds))
      .then(() => this.#send(message))
      .catch((error: unknown) => this.kill(`its channel broke: ${String(error)}`));
  }

  async #passDescriptors(id: number, fds: readonly number[]): Promise<void> {
    if (fds.length === 0) return;
    while (!this.#isOver && !sendDescriptors(this.#process.packets, id, fds)) {
      await sleep(this.#options.clock, DESCRIPTOR_RETRY_MS);
    }
  }

  #send(message: RuntimeMessage): void {
    const { header, tail } = frameOf(message);
    this.#stream.send(header, tail);
  }

  #take(message: ShimMessage): void {
    if (message.kind === "notice") return this.#takeNotice(message.notice);
    const waiting = this.#waiting.get(message.id);
    if (!waiting) throw new ProtocolError(`A reply to request ${message.id}, which does not wait for one`);
    this.#waiting.delete(message.id);
    waiting.resolve(message.reply);
  }

  #takeNotice(notice: Notice): void {
    if (notice.event !== "ready") return this.#options.onNotice(notice);
    for (const warning of notice.warnings) this.#options.log.error("shim is less restricted", { warning });
    this.#ready.resolve();
  }

  #onStreamEnd(error: Error | undefined): void {
    if (error) this.#fault ??= `its channel broke: ${error.message}`;
    this.#process.kill();
    this.#closed.resolve();
  }

  async #end(): Promise<string> {
    const [exit] = await Promise.all([this.#process.exited, this.#closed.promise]);
    const reason = this.#fault ?? exit;
    this.#isOver = true;
    for (const waiting of this.#waiting.values()) waiting.reject(new ConnectionLostError(reason));
    this.#waiting.clear();
    this.#ready.reject(new Error(`The shim process did not start: ${reason}`));
    return reason;
  }
}
