import type { Descriptor } from "./descriptor.ts";

/** The guest's descriptors by number. Knows nothing of what they are: who takes one out closes it. */
export class FdTable {
  readonly #entries: (Descriptor | undefined)[] = [];

  get(fd: number): Descriptor | undefined {
    return this.#entries[fd];
  }

  set(fd: number, descriptor: Descriptor): void {
    this.#entries[fd] = descriptor;
  }

  /** Puts it at the lowest free number, as POSIX does, and answers that number. */
  add(descriptor: Descriptor): number {
    const free = this.#entries.indexOf(undefined);
    const fd = free === -1 ? this.#entries.length : free;
    this.#entries[fd] = descriptor;
    return fd;
  }

  remove(fd: number): void {
    this.#entries[fd] = undefined;
  }

  clear(): void {
    this.#entries.length = 0;
  }

  [Symbol.iterator](): Iterator<Descriptor | undefined> {
    return this.#entries.values();
  }
}
