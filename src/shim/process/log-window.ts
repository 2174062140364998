/** Bytes of one container's log that may be on their way to its log file. */
export const CONTAINER_WINDOW_BYTES = 256 * 1024;
/** The same for all containers together: what a runtime with a slow disk makes this process hold. */
export const TOTAL_WINDOW_BYTES = 16 * 1024 * 1024;

/** How much log output may be sent before the runtime has written what came before. */
export class LogWindow {
  readonly #unwritten = new Map<string, number>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #lost = new Map<string, number>();
  #total = 0;

  /** Whether a container may send. A piece that is sent may exceed the window by its own length. */
  isOpen(container: string): boolean {
    return (this.#unwritten.get(container) ?? 0) < CONTAINER_WINDOW_BYTES && this.#total < TOTAL_WINDOW_BYTES;
  }

  /** Resolves when a container may send again. */
  async whenOpen(container: string): Promise<void> {
    while (!this.isOpen(container)) {
      const waiting = this.#waiting.get(container) ?? Promise.withResolvers<void>();
      this.#waiting.set(container, waiting);
      await waiting.promise;
    }
  }

  sent(container: string, bytes: number): void {
    this.#unwritten.set(container, (this.#unwritten.get(container) ?? 0) + bytes);
    this.#total += bytes;
  }

  /** The runtime has written so much. More than was sent is not believed. */
  written(container: string, bytes: number): void {
    const unwritten = this.#unwritten.get(container) ?? 0;
    const freed = Math.min(bytes, unwritten);
    this.#total -= freed;
    if (freed === unwritten) this.#unwritten.delete(container);
    else this.#unwritten.set(container, unwritten - freed);
    this.#wake();
  }

  /** Notes output of a container that could not wait. */
  lost(container: string, bytes: number): void {
    this.#lost.set(container, (this.#lost.get(container) ?? 0) + bytes);
  }

  /** Bytes lost since the last call. */
  takeLost(container: string): number {
    const lost = this.#lost.get(container) ?? 0;
    this.#lost.delete(container);
    return lost;
  }

  #wake(): void {
    for (const [container, waiting] of this.#waiting) {
      if (!this.isOpen(container)) continue;
      this.#waiting.delete(container);
      waiting.resolve();
    }
  }
}
