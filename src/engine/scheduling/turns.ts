import type { Clock } from "../../base/index.ts";
import { FairQueue, type Weighted } from "./fair-queue.ts";
import { type EventLoop, threadLoop } from "./loop-events.ts";

/** Less guest time than this is not worth looking at the loop for. */
const MIN_IO_MS = 1;

/**
 * Shares a thread between guests and its event loop. Guest time per turn of the loop is bounded; when guests used it up and more
 * wait, the loop turns for as long again while it still finds I/O to do. libuv accepts one connection per listener and turn, so a
 * slice in every turn would starve everybody else (measured: 6k instead of 43k requests a second beside one spinning guest).
 */
export class Turns {
  readonly #queue = new FairQueue<() => void>();
  readonly #clock: Clock;
  readonly #turnMs: number;
  readonly #loop: EventLoop;
  /** Guest time in this turn of the loop. */
  #spentMs = 0;
  /** Guest time that was granted since I/O last came first. */
  #grantedMs = 0;
  #quickMs = 0;
  /** A guest was let on the thread and has not left it. */
  #isGranted = false;
  #isScheduled = false;
  /** I/O comes first until then. */
  #ioUntilMs = 0;
  #eventsSeen = -1;

  constructor(clock: Clock, turnMs: number, loop: EventLoop = threadLoop) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#loop = loop;
  }

  /** Whether a quick guest may run at once, without waiting. */
  get hasRoom(): boolean {
    return this.#spentMs < this.#turnMs;
  }

  /**
   * Calls `grant` when it is the account's turn, at once when nobody else waits. From then on the guest has the thread until `left`
   * is called. Answers how to give up waiting; no call of `grant` follows that.
   */
  wait(account: Weighted, grant: () => void): () => void {
    if (this.#canGrantNow()) {
      this.#isGranted = true;
      grant();
      return () => {};
    }
    const ticket = this.#queue.add(account, grant);
    this.#schedule();
    return () => void this.#queue.remove(ticket);
  }

  /** The guest that was granted the thread has left it after `ms`. */
  left(account: Weighted, ms: number): void {
    this.#isGranted = false;
    this.#grantedMs += ms;
    this.charge(account, ms);
    if (this.#queue.size > 0 && this.hasRoom) this.#loop.soon(() => this.#grantNext());
  }

  /** A run that was not granted by `wait` took `ms` between others. */
  chargeQuick(account: Weighted, ms: number): void {
    this.#quickMs += ms;
    this.charge(account, ms);
  }

  /** Time of all quick runs so far: to be taken off a span of another guest that they interrupted. */
  get quickMs(): number {
    return this.#quickMs;
  }

  /** Guest time that nobody else has counted. */
  charge(account: Weighted, ms: number): void {
    this.#queue.charge(account, ms);
    this.#spentMs += ms;
    if (this.#spentMs > MIN_IO_MS) this.#schedule();
  }

  #canGrantNow(): boolean {
    if (this.#isGranted || this.#queue.size > 0 || !this.hasRoom) return false;
    return this.#ioUntilMs === 0 || this.#clock.monotonic() >= this.#ioUntilMs;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#loop.nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#spentMs = 0;
    if (this.#isIoFirst()) this.#schedule();
    else this.#grantNext();
  }

  /** Whether the loop goes on with I/O: it still finds some and has not had as long as guests had before. */
  #isIoFirst(): boolean {
    if (this.#queue.size === 0) {
      this.#grantedMs = 0;
      this.#ioUntilMs = 0;
      return false;
    }
    const now = this.#clock.monotonic();
    if (this.#ioUntilMs === 0) this.#startIo(now);
    const events = this.#loop.events();
    const foundSome = events !== this.#eventsSeen;
    this.#eventsSeen = events;
    if (foundSome && now < this.#ioUntilMs) return true;
    this.#ioUntilMs = 0;
    return false;
  }

  #startIo(now: number): void {
    if (this.#grantedMs < MIN_IO_MS) return;
    this.#ioUntilMs = now + Math.min(this.#turnMs, this.#grantedMs);
    this.#grantedMs = 0;
    this.#eventsSeen = -1;
  }

  #grantNext(): void {
    if (this.#isGranted) return;
    if (!this.hasRoom) {
      this.#schedule();
      return;
    }
    const grant = this.#queue.take();
    if (!grant) return;
    this.#isGranted = true;
    grant();
  }
}
