import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Answer, type Application, DateField, emptyAnswer, isBodiless } from "./answer.ts";
import { Budget } from "./budget.ts";
import { checkExpectation, overBudget, peerAddress, timedOut } from "./connection.ts";
import type { HttpFront, HttpFrontOptions, Listener } from "./front.ts";
import { parseHeaderBlock } from "./header-block.ts";
import { announcesBody, requestHead } from "./parser.ts";
import { type RequestHead, RequestRejected } from "./request.ts";
import { parseRequestLine } from "./request-line.ts";

/** How exactly node:http keeps its time-outs. */
const CHECK_MS = 500;
/** Connections too many that are told so; beyond them they are closed without a word. */
const MAX_REFUSED = 128;

/**
 * The front on node:http, for the day our own is in doubt. It differs: heads and idle connections are timed by node:http and not
 * by the clock, there is no batch and no lingering.
 */
export function createNodeFront(options: HttpFrontOptions): HttpFront {
  const budget = new Budget(options.limits.maxBufferedBytes);
  const listeners = new Set<NodeListener>();
  return {
    budget,
    async listen(fd, application) {
      const listener = new NodeListener(options, budget, application);
      await listener.open(fd);
      listeners.add(listener);
      return listener;
    },
    async close() {
      await Promise.all([...listeners].map((listener) => listener.close(AbortSignal.abort())));
      listeners.clear();
    },
  };
}

class NodeListener implements Listener {
  application: Application;
  readonly #options: HttpFrontOptions;
  readonly #budget: Budget;
  readonly #date = new DateField();
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();
  readonly #refused = new WeakSet<Socket>();
  /** The last request of each connection, settled once answered: one is answered at a time. */
  readonly #turns = new WeakMap<Socket, Promise<void>>();
  /** Connections whose last answer is given. */
  readonly #ended = new WeakSet<Socket>();

  constructor(options: HttpFrontOptions, budget: Budget, application: Application) {
    const { limits } = options;
    this.#options = options;
    this.#budget = budget;
    this.application = application;
    this.#server = http.createServer({
      maxHeaderSize: limits.maxRequestLineBytes + limits.maxHeaderBytes,
      headersTimeout: limits.headerTimeoutMs,
      requestTimeout: limits.headerTimeoutMs + limits.bodyTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      connectionsCheckingInterval: CHECK_MS,
      noDelay: true,
    });
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = limits.maxConnections + MAX_REFUSED;
    // Not in its types: a client that has closed its sending side still gets its answer.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    const take = (request: IncomingMessage, response: ServerResponse) => this.#queue(request, response);
    this.#server.on("request", take).on("checkContinue", take).on("checkExpectation", take);
    this.#server.on("connection", (socket) => this.#accept(socket));
    this.#server.on("timeout", (socket) => socket.destroy());
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  open(fd: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ fd }, () => {
      this.#server.off("error", reject);
      this.#server.on("error", (error) => this.#options.log.error("listener failed", { error: String(error) }));
      resolve();
    });
    return promise;
  }

  async close(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const cut = () => this.#sockets.forEach((socket) => socket.destroy());
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    if (signal.aborted) cut();
    signal.addEventListener("abort", cut, { once: true });
    await promise;
    signal.removeEventListener("abort", cut);
  }

  #accept(socket: Socket): void {
    if (this.#sockets.size >= this.#options.limits.maxConnections) this.#refused.add(socket);
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #queue(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const before = this.#turns.get(socket) ?? Promise.resolve();
    this.#turns.set(
      socket,
      before.then(() => (this.#ended.has(socket) ? undefined : this.#take(request, response))),
    );
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let minorVersion = 1;
    try {
      const head = this.#head(request);
      minorVersion = head.minorVersion;
      const answer = await this.#answer(head, request, response);
      if (answer) this.#send(answer, response, head.keepAlive, minorVersion);
    } catch (error) {
      if (!(error instanceof RequestRejected)) {
        this.#options.log.error("connection failed", { error: String(error) });
        response.destroy();
        return;
      }
      const answer = emptyAnswer(error.status, error.status === 503 ? "retry-after: 1\r\n" : "");
      this.#send(answer, response, false, minorVersion);
    }
  }

  /** Read by our own parser once more, so that both fronts refuse the same. */
  #head(request: IncomingMessage): RequestHead {
    const { limits } = this.#options;
    if (this.#refused.has(request.socket)) throw new RequestRejected(503, "Too many connections");
    const line = `${request.method} ${request.url} HTTP/${request.httpVersion}`;
    if (line.length > limits.maxRequestLineBytes) throw new RequestRejected(414, "Request line too long");
    const raw = request.rawHeaders;
    const lines = raw.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${raw[index + 1]}`] : []));
    const head = requestHead(parseRequestLine(line), parseHeaderBlock(lines.join("\r\n"), limits.maxHeaderCount));
    checkExpectation(head);
    return head;
  }

  /** Undefined when the client has left. */
  async #answer(head: RequestHead, request: IncomingMessage, response: ServerResponse): Promise<Answer | undefined> {
    const { clock } = this.#options;
    const arrivedMs = clock.monotonic();
    let body: Buffer = Buffer.alloc(0);
    if (announcesBody(head)) {
      const verdict = this.application.admit(head);
      if (typeof verdict !== "number") return { ...verdict, close: true };
      if ((head.headers.contentLength ?? 0) > verdict) throw new RequestRejected(413, "Body too large");
      if (head.headers.expectation !== undefined && head.minorVersion === 1) response.writeContinue();
      const read = await this.#body(request, verdict);
      if (!read) return undefined;
      body = read;
    }
    if (this.#budget.isExhausted) throw overBudget();
    this.#budget.charge(body.length);
    try {
      return await this.application.respond(head, body, peerAddress(request.socket), arrivedMs);
    } finally {
      this.#budget.charge(-body.length);
    }
  }

  /** Undefined when the client has left. */
  #body(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
    const { limits, clock } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = clock.after(limits.bodyTimeoutMs, () => reject(timedOut("body", limits.bodyTimeoutMs)));
    request.on("data", (chunk: Buffer) => {
      if (!this.#budget.fits(chunk.length)) return reject(overBudget());
      if (bytes + chunk.length > maxBytes) return reject(new RequestRejected(413, "Body too large"));
      this.#budget.charge(chunk.length);
      bytes += chunk.length;
      chunks.push(chunk);
      return undefined;
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    request.on("error", () => resolve(undefined));
    request.on("close", () => resolve(undefined));
    return promise.finally(() => {
      timer[Symbol.dispose]();
      request.removeAllListeners("data");
      this.#budget.charge(-bytes);
    });
  }

  #send(answer: Answer, response: ServerResponse, keepAlive: boolean, minorVersion: number): void {
    const { socket } = response.req;
    if (response.destroyed || socket.destroyed) return;
    const { clock, limits } = this.#options;
    const closes = !keepAlive || answer.close === true || this.application.isDraining;
    const fields = answer.headers.split("\r\n").filter((line) => line !== "");
    const raw = fields.flatMap((line) => line.split(/: ?(.*)/s, 2));
    if (!fields.some((line) => line.startsWith("date:"))) {
      raw.push("date", this.#date.line(clock.now()).slice("date: ".length).trimEnd());
    }
    if (!isBodiless(answer.status)) raw.push("content-length", String(answer.body.length));
    if (closes) this.#ended.add(socket);
    if (closes) raw.push("connection", "close");
    else if (minorVersion === 0) raw.push("connection", "keep-alive");
    else response.removeHeader("connection");
    response.sendDate = false;
    response.writeHead(answer.status, raw);
    const held = answer.body.length;
    this.#budget.charge(held);
    response.once("close", () => this.#budget.charge(-held));
    socket.setTimeout(limits.writeTimeoutMs);
    response.end(isBodiless(answer.status) ? undefined : answer.body);
  }
}
