import { CriError } from "../cri/index.ts";

/** Events one subscriber may leave unread; a subscriber that stopped reading must not fill the memory. */
export const MAX_UNREAD_EVENTS = 10_000;

interface Subscriber<Event> {
  readonly unread: Event[];
  isOverrun: boolean;
  wake: () => void;
}

/** Tells events to any number of readers, each at its own pace. */
export class Broadcast<Event> {
  readonly #subscribers = new Set<Subscriber<Event>>();

  publish(event: Event): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.unread.length < MAX_UNREAD_EVENTS) subscriber.unread.push(event);
      else subscriber.isOverrun = true;
      subscriber.wake();
    }
  }

  /**
   * Events from now on (from this call, not from the first read), until the signal aborts.
   * Throws RESOURCE_EXHAUSTED once more than `MAX_UNREAD_EVENTS` were left unread: events are missing, so ask for the whole state.
   */
  subscribe(signal: AbortSignal): AsyncIterable<Event> {
    const subscriber: Subscriber<Event> = { unread: [], isOverrun: false, wake: () => {} };
    if (signal.aborted) return { [Symbol.asyncIterator]: () => this.#read(subscriber, signal) };
    this.#subscribers.add(subscriber);
    signal.addEventListener("abort", () => this.#subscribers.delete(subscriber), { once: true });
    return { [Symbol.asyncIterator]: () => this.#read(subscriber, signal) };
  }

  async *#read(subscriber: Subscriber<Event>, signal: AbortSignal): AsyncGenerator<Event, undefined> {
    const wake = () => subscriber.wake();
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        const event = subscriber.unread.shift();
        if (event !== undefined) yield event;
        else if (subscriber.isOverrun)
          throw new CriError("RESOURCE_EXHAUSTED", `More than ${MAX_UNREAD_EVENTS} events were left unread`);
        else await new Promise<void>((resolve) => (subscriber.wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#subscribers.delete(subscriber);
    }
  }
}
