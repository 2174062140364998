import type { Socket } from "node:net";
import type { Budget } from "./budget.ts";

/** Large bodies go out in pieces of this size, so that a client's progress can be seen. */
const PIECE_BYTES = 256 * 1024;
/** Up to this size one buffer is cheaper than several. */
const JOIN_BYTES = 64 * 1024;

/**
 * Answers on their way to one client: collected, written at once by `flush`, and held back while the client does not read.
 */
export class AnswerWriter {
  readonly #socket: Socket;
  readonly #budget: Budget;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #chargedBytes = 0;
  #endsAfter = false;
  /** Bytes the kernel had taken when looked at last, and since when there was no progress. */
  #seenBytes = 0;
  #stalledSinceMs: number | undefined;

  constructor(socket: Socket, budget: Budget) {
    this.#socket = socket;
    this.#budget = budget;
    socket.on("drain", () => this.flush());
  }

  /** Whether the client must read before more is written; no further request should be answered until it has. */
  get isBlocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Whether anything is left to write. */
  get isPending(): boolean {
    return this.#queuedBytes > 0 || this.#socket.writableLength > 0;
  }

  /** Collects; what is more than worth joining is written at once. */
  add(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > JOIN_BYTES) this.flush();
  }

  /** Closes the sending side when everything is written. */
  end(): void {
    this.#endsAfter = true;
  }

  /** Writes what was added since, as far as the client takes it. */
  flush(): void {
    while (this.#queuedBytes > 0 && !this.#socket.writableNeedDrain) this.#socket.write(this.#nextPiece());
    if (this.#endsAfter && this.#queuedBytes === 0) this.#socket.end();
    this.#recharge(this.#queuedBytes + this.#socket.writableLength);
  }

  /** Milliseconds since the client last took anything, 0 while nothing waits for it. To be asked now and then. */
  stalledMs(nowMs: number): number {
    const waiting = this.#queuedBytes + this.#socket.writableLength;
    const taken = this.#socket.bytesWritten - this.#socket.writableLength;
    this.#recharge(waiting);
    if (waiting === 0 || taken !== this.#seenBytes || this.#stalledSinceMs === undefined) {
      this.#seenBytes = taken;
      this.#stalledSinceMs = nowMs;
      return 0;
    }
    return nowMs - this.#stalledSinceMs;
  }

  /** Forgets what could not be written. */
  discard(): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#recharge(0);
  }

  #nextPiece(): Buffer {
    const queue = this.#queue;
    const [first] = queue;
    if (first && first.length > PIECE_BYTES) {
      queue[0] = first.subarray(PIECE_BYTES);
      this.#queuedBytes -= PIECE_BYTES;
      return first.subarray(0, PIECE_BYTES);
    }
    if (first && (queue.length === 1 || this.#queuedBytes > JOIN_BYTES)) {
      queue.shift();
      this.#queuedBytes -= first.length;
      return first;
    }
    const joined = Buffer.concat(queue, this.#queuedBytes);
    this.#queue = [];
    this.#queuedBytes = 0;
    return joined;
  }

  #recharge(bytes: number): void {
    if (bytes === this.#chargedBytes) return;
    this.#budget.charge(bytes - this.#chargedBytes);
    this.#chargedBytes = bytes;
  }
}
