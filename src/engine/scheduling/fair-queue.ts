/** Thread time beyond its share that an account is held to when it comes to wait; above any slice, also one that lost the processor. */
const MAX_DEBT_MS = 200;

/** Whom waiting work is charged to: `Account` of guest.ts, as far as the queue needs it. */
export interface Weighted {
  /** Share against others; above 0. */
  readonly weight: number;
}

interface Line<T> {
  /** Time used so far divided by weight, on the queue's own scale. */
  used: number;
  readonly waiting: Set<Ticket<T>>;
}

export interface Ticket<T> {
  readonly account: Weighted;
  readonly item: T;
}

/**
 * Work waiting for a thread, a line per account. Next comes who used least for its weight; an account that was not waiting starts
 * no lower than who was served last, so neither a newcomer nor a sleeper can claim hours for the past. Nor does anybody owe hours:
 * what was used while nobody waited was nobody else's, and of the rest a bounded part is remembered.
 */
export class FairQueue<T> {
  readonly #lines = new WeakMap<Weighted, Line<T>>();
  readonly #active = new Map<Weighted, Line<T>>();
  #floor = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(account: Weighted, item: T): Ticket<T> {
    const line = this.#lineOf(account);
    if (line.waiting.size === 0) {
      line.used = Math.min(Math.max(line.used, this.#floor), this.#floor + MAX_DEBT_MS / account.weight);
      this.#active.set(account, line);
    }
    const ticket = { account, item };
    line.waiting.add(ticket);
    this.#size++;
    return ticket;
  }

  /** Forgets waiting work; false when it had been taken or removed before. */
  remove(ticket: Ticket<T>): boolean {
    const line = this.#active.get(ticket.account);
    if (!line?.waiting.delete(ticket)) return false;
    if (line.waiting.size === 0) this.#active.delete(ticket.account);
    this.#size--;
    return true;
  }

  /** Takes the next piece of work: of the account that used least, the one that waits longest. */
  take(): T | undefined {
    let least: Line<T> | undefined;
    for (const line of this.#active.values()) if (!least || line.used < least.used) least = line;
    if (!least) return undefined;
    const [ticket] = least.waiting;
    if (!ticket) return undefined;
    this.#floor = least.used;
    this.remove(ticket);
    return ticket.item;
  }

  /** Notes thread time that an account used, waiting or not. */
  charge(account: Weighted, ms: number): void {
    const line = this.#lineOf(account);
    if (this.#size === 0) this.#floor = Math.max(this.#floor, line.used);
    line.used += ms / account.weight;
  }

  #lineOf(account: Weighted): Line<T> {
    const known = this.#lines.get(account);
    if (known) return known;
    const line: Line<T> = { used: this.#floor, waiting: new Set() };
    this.#lines.set(account, line);
    return line;
  }
}
