import type { Clock } from "../../base/index.ts";
import { FairQueue, type Weighted } from "./fair-queue.ts";
import { type EventLoop, threadLoop } from "./loop-events.ts";

/** Less guest time than this is not worth looking at the loop for. */
const MIN_IO_MS = 1;
/** I/O comes first for no longer than this many times what guests may have in a turn, however late a guest left. */
const MAX_IO_TURNS = 2;
/** I/O is over when the loop finds none for this long, */
const QUIET_MS = 0.2;
/** or for this long after quick guests answered: their clients need a moment to ask again, more of it on a busy machine. */
const ANSWERED_QUIET_MS = 1;

/**
 * Shares a thread between guests and its event loop. Guest time per turn of the loop is bounded; when guests used it up and more
 * wait, the loop turns for as long again as they had, while it still finds I/O to do. libuv accepts one connection per listener and turn, so a
 * slice in every turn would starve everybody else (measured: 6k instead of 43k requests a second beside one spinning guest).
 */
export class Turns {
  readonly #queue = new FairQueue<() => void>();
  readonly #clock: Clock;
  readonly #turnMs: number;
  readonly #loop: EventLoop;
  /** Time of granted guests in this turn of the loop, and of quick ones. */
  #spentMs = 0;
  #quickSpentMs = 0;
  /** Guest time that was granted since I/O last came first. */
  #grantedMs = 0;
  #quickMs = 0;
  /** A guest was let on the thread and has not left it. */
  #isGranted = false;
  #isScheduled = false;
  /** I/O comes first until then. */
  #ioUntilMs = 0;
  #eventsSeen = -1;
  #ioSeenAtMs = 0;
  /** `#quickMs` when I/O last came first. */
  #quickBeforeIoMs = 0;

  constructor(clock: Clock, turnMs: number, loop: EventLoop = threadLoop) {
    this.#clock = clock;
    this.#turnMs = turnMs;
    this.#loop = loop;
  }

  /** Whether a quick guest may run at once, without waiting. Time of granted ones does not count: it is I/O's turn now. */
  get hasRoom(): boolean {
    return this.#quickSpentMs < this.#turnMs;
  }

  /** Guest time that is left in this turn for who was granted the thread: at least a millisecond, so that everybody gets on. */
  get leftMs(): number {
    return Math.max(1, this.#turnMs - this.#spentMs);
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
    if (this.#queue.size > 0 && this.#mayGrant) this.#loop.soon(() => this.#grantNext());
  }

  /** Guest time that nobody else has counted. */
  charge(account: Weighted, ms: number): void {
    this.#queue.charge(account, ms);
    this.#spentMs += ms;
    if (this.#spentMs > MIN_IO_MS) this.#schedule();
  }

  /** A run that was not granted by `wait` took `ms` between others. */
  chargeQuick(account: Weighted, ms: number): void {
    this.#queue.charge(account, ms);
    this.#quickMs += ms;
    this.#quickSpentMs += ms;
    // It was not quick: I/O gets its time for it as for a granted one.
    if (ms >= this.#turnMs) this.#grantedMs += ms;
    if (this.#quickSpentMs > MIN_IO_MS) this.#schedule();
  }

  /** Time of all quick runs so far: to be taken off a span of another guest that they interrupted. */
  get quickMs(): number {
    return this.#quickMs;
  }

  get #mayGrant(): boolean {
    return this.#spentMs < this.#turnMs;
  }

  #canGrantNow(): boolean {
    if (this.#isGranted || this.#queue.size > 0 || !this.#mayGrant || !this.hasRoom) return false;
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
    this.#quickSpentMs = 0;
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
    if (events !== this.#eventsSeen) this.#ioSeenAtMs = now;
    this.#eventsSeen = events;
    const quietMs = this.#quickMs > this.#quickBeforeIoMs ? ANSWERED_QUIET_MS : QUIET_MS;
    if (now < this.#ioUntilMs && now < this.#ioSeenAtMs + quietMs) return true;
    this.#ioUntilMs = 0;
    return false;
  }

  #startIo(now: number): void {
    if (this.#grantedMs < MIN_IO_MS) return;
    this.#ioUntilMs = now + Math.min(MAX_IO_TURNS * this.#turnMs, this.#grantedMs);
    this.#quickBeforeIoMs = this.#quickMs;
    this.#grantedMs = 0;
    this.#eventsSeen = -1;
  }

  #grantNext(): void {
    if (this.#isGranted) return;
    if (!this.#mayGrant) {
      this.#schedule();
      return;
    }
    const grant = this.#queue.take();
    if (!grant) return;
    this.#isGranted = true;
    grant();
  }
}
