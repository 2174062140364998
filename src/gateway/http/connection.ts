import type { Socket } from "node:net";
import type { Clock, Logger } from "../../base/index.ts";
import { type Answer, type Application, type DateField, emptyAnswer, encodeHead, isBodiless } from "./answer.ts";
import type { Budget } from "./budget.ts";
import type { HttpLimits } from "./limits.ts";
import { announcesBody, RequestParser } from "./parser.ts";
import { type RequestHead, RequestRejected } from "./request.ts";
import { AnswerWriter } from "./writer.ts";

const EMPTY = Buffer.alloc(0);
const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
/** Unread bytes beyond which a client with a request under way is not read from; what is read already is kept. */
const PAUSE_BYTES = 16 * 1024;
const IPV4_MAPPED = "::ffff:";

/** Whom a connection belongs to. */
export interface ConnectionOwner {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: HttpLimits;
  readonly budget: Budget;
  readonly date: DateField;
  /** Answers the next request of this connection. */
  application(): Application;
  /** Called once, when the connection is gone. */
  closed(connection: Connection): void;
}

/** What a connection waits for; each has a time-out of its own. */
type Phase =
  | "idle"
  | "head"
  | "body"
  /** A request is being answered. */
  | "running"
  /** The last answer is written; what still comes is thrown away. */
  | "lingering"
  | "closed";

/**
 * One client's connection: its requests are answered in order, one at a time. A guest that answers at once costs no promise and
 * no closure here, and the answers to pipelined requests leave in one write.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #parser: RequestParser;
  readonly #writer: AnswerWriter;
  readonly #peer: string;
  #phase: Phase = "idle";
  /** When the current phase began, on the monotonic clock. */
  #sinceMs: number;
  /** A head whose body is being read. */
  #head: RequestHead | undefined;
  #arrivedMs = 0;
  #chargedBytes = 0;
  /** Body bytes of the request that is being answered. */
  #runningBytes = 0;
  /** The client has closed its sending side. */
  #inputEnded = false;
  #turn: NodeJS.Immediate | undefined;

  constructor(socket: Socket, owner: ConnectionOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#parser = new RequestParser(owner.limits);
    this.#writer = new AnswerWriter(socket, owner.budget);
    this.#peer = peerAddress(socket);
    this.#sinceMs = owner.clock.monotonic();
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#proceed());
    socket.on("end", () => this.#endInput());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#close());
  }

  /** Closes the connection unless a request is being read or answered. */
  finishIfIdle(): void {
    if (this.#phase === "idle" && !this.#parser.hasUnread && !this.#writer.isPending) this.#finish();
  }

  /** Applies time-outs; to be called about once a second. */
  sweep(nowMs: number): void {
    const { limits } = this.#owner;
    if (this.#writer.stalledMs(nowMs) >= limits.writeTimeoutMs) return this.destroy();
    const ageMs = nowMs - this.#sinceMs;
    if (this.#phase === "idle" && ageMs >= limits.idleTimeoutMs) this.#finish();
    if (this.#phase === "head" && ageMs >= limits.headerTimeoutMs)
      this.#reject(timedOut("head", limits.headerTimeoutMs));
    if (this.#phase === "body" && ageMs >= limits.bodyTimeoutMs) this.#reject(timedOut("body", limits.bodyTimeoutMs));
    if (this.#phase === "lingering") this.#sweepLingering(nowMs);
    return undefined;
  }

  /** Closes at once; whatever is under way is lost. */
  destroy(): void {
    this.#socket.destroy();
  }

  #sweepLingering(nowMs: number): void {
    if (this.#writer.isPending) this.#sinceMs = nowMs;
    else if (nowMs - this.#sinceMs >= this.#owner.limits.lingerTimeoutMs) this.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#phase === "lingering" || this.#phase === "closed") return;
    if (this.#phase === "running") {
      this.#parser.push(chunk);
      this.#recharge();
      if (this.#parser.heldBytes > PAUSE_BYTES) this.#socket.pause();
      return;
    }
    if (this.#parser.heldBytes > 0 && !this.#owner.budget.fits(chunk.length)) {
      this.#reject(overBudget());
      return;
    }
    this.#parser.push(chunk);
    this.#proceed();
  }

  /** Reads and answers what is there, then writes all answers at once. */
  #proceed(): void {
    if (this.#phase === "lingering" || this.#phase === "closed" || this.#turn) return;
    try {
      this.#answerRequests();
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#writer.flush();
    this.#recharge();
    if (this.#phase === "running" || this.#turn) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#inputEnded && !this.#writer.isBlocked) this.#finish();
  }

  #fail(error: unknown): void {
    if (error instanceof RequestRejected) {
      this.#reject(error);
      return;
    }
    this.#owner.log.error("connection failed", { peer: this.#peer, error: String(error) });
    this.destroy();
  }

  #answerRequests(): void {
    const nowMs = this.#owner.clock.monotonic();
    for (let answered = 0; this.#phase !== "running" && !this.#writer.isBlocked; answered += 1) {
      if (answered === this.#owner.limits.maxBatch) {
        this.#yieldTurn();
        return;
      }
      if (!this.#answerNext(nowMs)) return;
    }
  }

  /** Says whether there may be more to answer. */
  #answerNext(nowMs: number): boolean {
    const head = this.#head ?? this.#parser.readHead();
    if (!head) {
      this.#wait(this.#parser.hasUnread ? "head" : "idle", nowMs);
      return false;
    }
    if (!this.#head) {
      this.#arrivedMs = nowMs;
      this.#phase = "idle";
      checkExpectation(head);
      if (announcesBody(head)) return this.#startBody(head, nowMs);
      return this.#respond(head, EMPTY);
    }
    const body = this.#parser.readBody();
    if (!body) return false;
    this.#head = undefined;
    this.#phase = "idle";
    return this.#respond(head, body);
  }

  #startBody(head: RequestHead, nowMs: number): boolean {
    const verdict = this.#owner.application().admit(head);
    if (typeof verdict !== "number") {
      // The body stays unread, so the connection cannot be used for another request.
      this.#answer(head, { ...verdict, close: true });
      return false;
    }
    this.#parser.startBody(head, verdict);
    this.#head = head;
    this.#wait("body", nowMs);
    if (head.headers.expectation !== undefined && head.minorVersion === 1 && !this.#parser.hasUnread) {
      this.#writer.add(CONTINUE);
    }
    return true;
  }

  #respond(head: RequestHead, body: Buffer): boolean {
    if (this.#owner.budget.isExhausted) throw overBudget();
    const answer = this.#owner.application().respond(head, body, this.#peer, this.#arrivedMs);
    if (!(answer instanceof Promise)) return this.#answer(head, answer);
    this.#phase = "running";
    this.#runningBytes = body.length;
    answer.then(
      (late) => this.#answerLate(head, late),
      (error: unknown) => this.#fail(error),
    );
    return false;
  }

  #answerLate(head: RequestHead, answer: Answer): void {
    this.#runningBytes = 0;
    if (this.#phase === "closed") {
      this.#recharge();
      return;
    }
    this.#phase = "idle";
    this.#answer(head, answer);
    this.#proceed();
  }

  /** Adds an answer to those to be written; says whether the connection goes on after it. */
  #answer(head: RequestHead, answer: Answer): boolean {
    const closes = !head.keepAlive || answer.close === true || this.#owner.application().isDraining;
    const connection = closes ? "close" : head.minorVersion === 0 ? "keep-alive" : "";
    this.#add(answer, connection, head.method === "HEAD");
    if (closes) this.#finish();
    return !closes;
  }

  #add(answer: Answer, connection: "keep-alive" | "close" | "", isHead: boolean): void {
    const head = encodeHead(answer, this.#owner.date.line(this.#owner.clock.now()), connection);
    const body = isHead || isBodiless(answer.status) ? EMPTY : answer.body;
    const isSmall = body.length < PAUSE_BYTES;
    const bytes = Buffer.allocUnsafe(head.length + (isSmall ? body.length : 0));
    bytes.write(head, 0, "latin1");
    if (isSmall) body.copy(bytes, head.length);
    this.#writer.add(bytes);
    if (!isSmall) this.#writer.add(body);
  }

  #reject(error: RequestRejected): void {
    this.#owner.log.debug("request refused", { peer: this.#peer, status: error.status, reason: error.message });
    const retry = error.status === 503 ? "retry-after: 1\r\n" : "";
    this.#add(emptyAnswer(error.status, retry), "close", false);
    this.#finish();
  }

  /** Writes what is left, closes the sending side and reads on a little: a reset would take the answer from the client. */
  #finish(): void {
    if (this.#phase === "lingering" || this.#phase === "closed") return;
    this.#phase = "lingering";
    this.#sinceMs = this.#owner.clock.monotonic();
    this.#writer.end();
    this.#writer.flush();
    this.#recharge();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #endInput(): void {
    this.#inputEnded = true;
    this.#proceed();
  }

  #close(): void {
    this.#phase = "closed";
    if (this.#turn) clearImmediate(this.#turn);
    this.#writer.discard();
    this.#recharge();
    this.#owner.closed(this);
  }

  #wait(phase: "idle" | "head" | "body", nowMs: number): void {
    if (this.#phase === phase && phase === "head") return;
    this.#sinceMs = nowMs;
    this.#phase = phase;
  }

  /** Charges what this connection holds now, also for a guest whose client has left; answers are charged by the writer. */
  #recharge(): void {
    const isOver = this.#phase === "closed" || this.#phase === "lingering";
    const held = (isOver ? 0 : this.#parser.heldBytes) + this.#runningBytes;
    if (held === this.#chargedBytes) return;
    this.#owner.budget.charge(held - this.#chargedBytes);
    this.#chargedBytes = held;
  }

  /** Lets other connections have their turn before the next requests of this one. */
  #yieldTurn(): void {
    this.#socket.pause();
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#proceed();
    });
  }
}

/** Throws RequestRejected (417) for anything but 100-continue. */
export function checkExpectation(head: RequestHead): void {
  const { expectation } = head.headers;
  if (expectation === undefined || expectation === "100-continue" || head.minorVersion === 0) return;
  throw new RequestRejected(417, `Expectation "${expectation}" cannot be met`);
}

/** The answer when no more may be held. */
export function overBudget(): RequestRejected {
  return new RequestRejected(503, "Too many bytes are buffered on this thread");
}

/** The answer to a client that is too slow. */
export function timedOut(part: "head" | "body", limitMs: number): RequestRejected {
  return new RequestRejected(408, `No complete ${part} within ${limitMs} ms`);
}

/** The address of a client, an IPv4 one without its IPv6 prefix. */
export function peerAddress(socket: Socket): string {
  const address = socket.remoteAddress ?? "";
  return address.startsWith(IPV4_MAPPED) ? address.slice(IPV4_MAPPED.length) : address;
}
