import net from "node:net";
import type { Clock, Logger } from "../../base/index.ts";
import { type Application, DateField } from "./answer.ts";
import { Budget } from "./budget.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import type { HttpLimits } from "./limits.ts";

/** How exactly time-outs are kept: one timer looks at all connections. */
const SWEEP_MS = 500;
const TOO_MANY = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/** A listening socket in use. */
export interface Listener {
  /** Who answers from the next request on. */
  application: Application;
  readonly connectionCount: number;
  /** Stops accepting, closes connections without a request under way and, once `signal` aborts, all others. Resolves when all are closed. */
  close(signal: AbortSignal): Promise<void>;
}

export interface HttpFront {
  /** Answers connections of a listening socket, whose descriptor it owns from now on. Resolves when it accepts. */
  listen(fd: number, application: Application): Promise<Listener>;
  /** Bytes held for clients and by guests that answer them. */
  readonly budget: Budget;
  /** Closes all listeners and connections at once. */
  close(): Promise<void>;
}

export interface HttpFrontOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: HttpLimits;
}

/** Connections too many that are told so at a time; what is beyond is closed without a word. Threat: descriptors. */
const MAX_REFUSED = 128;

/** Our own HTTP/1.1 front over node:net; docs/rationale.md says why it is not node:http. */
export function createFront(options: HttpFrontOptions): HttpFront {
  return new NetFront(options);
}

class NetFront implements HttpFront {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: HttpLimits;
  readonly budget: Budget;
  readonly date = new DateField();
  readonly #listeners = new Set<NetListener>();
  #sweep: Disposable | undefined;

  constructor(options: HttpFrontOptions) {
    this.clock = options.clock;
    this.log = options.log;
    this.limits = options.limits;
    this.budget = new Budget(options.limits.maxBufferedBytes);
  }

  async listen(fd: number, application: Application): Promise<Listener> {
    const listener = new NetListener(this, application, () => this.#listeners.delete(listener));
    await listener.open(fd);
    this.#listeners.add(listener);
    this.#sweep ??= this.#nextSweep();
    return listener;
  }

  async close(): Promise<void> {
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    await Promise.all([...this.#listeners].map((listener) => listener.close(AbortSignal.abort())));
  }

  #nextSweep(): Disposable {
    return this.clock.after(SWEEP_MS, () => {
      const nowMs = this.clock.monotonic();
      for (const listener of this.#listeners) listener.sweep(nowMs);
      this.#sweep = this.#listeners.size === 0 ? undefined : this.#nextSweep();
    });
  }
}

class NetListener implements Listener {
  application: Application;
  readonly #front: NetFront;
  readonly #server: net.Server;
  readonly #connections = new Set<Connection>();
  readonly #refused = new Set<net.Socket>();
  readonly #owner: ConnectionOwner;
  readonly #onClosed: () => void;

  constructor(front: NetFront, application: Application, onClosed: () => void) {
    this.application = application;
    this.#front = front;
    this.#onClosed = onClosed;
    this.#server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#owner = {
      clock: front.clock,
      log: front.log,
      limits: front.limits,
      budget: front.budget,
      date: front.date,
      application: () => this.application,
      closed: (connection) => this.#connections.delete(connection),
    };
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  open(fd: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ fd }, () => {
      this.#server.off("error", reject);
      this.#server.on("error", (error) => this.#front.log.error("listener failed", { error: String(error) }));
      resolve();
    });
    return promise;
  }

  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.sweep(nowMs);
  }

  async close(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const cut = () => this.#connections.forEach((connection) => connection.destroy());
    for (const connection of this.#connections) connection.finishIfIdle();
    for (const socket of this.#refused) socket.destroy();
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    await promise;
    signal.removeEventListener("abort", cut);
    this.#onClosed();
  }

  #accept(socket: net.Socket): void {
    if (this.#connections.size >= this.#front.limits.maxConnections) this.#refuse(socket);
    else this.#connections.add(new Connection(socket, this.#owner));
  }

  /** Says why, and reads on for a moment: a connection that is closed over unread bytes takes the answer along. */
  #refuse(socket: net.Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.#refused.size >= MAX_REFUSED) {
      socket.destroy();
      return;
    }
    this.#refused.add(socket);
    const timer = this.#front.clock.after(this.#front.limits.lingerTimeoutMs, () => socket.destroy());
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      timer[Symbol.dispose]();
      this.#refused.delete(socket);
    });
    socket.resume();
    socket.end(TOO_MANY);
  }
}
