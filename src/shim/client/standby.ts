import type { ShimConnection } from "./connection.ts";

/** A shim process that is up and does nothing, to take the place of one that dies without anybody waiting for a start. */
export class Standby {
  readonly #open: () => Promise<ShimConnection>;
  readonly #onFailure: (error: unknown) => void;
  #waiting: Promise<ShimConnection | undefined> = Promise.resolve(undefined);

  /** `onFailure` hears why one could not be started; the next death is then as without a standby. */
  constructor(open: () => Promise<ShimConnection>, onFailure: (error: unknown) => void) {
    this.#open = open;
    this.#onFailure = onFailure;
  }

  /** Starts one in the background. */
  prepare(): void {
    this.#waiting = this.#open().catch((error: unknown) => {
      this.#onFailure(error);
      return undefined;
    });
  }

  /** The process that stands by, also when it is still starting; undefined when there is none or it has died meanwhile. */
  async take(): Promise<ShimConnection | undefined> {
    const connection = await this.#waiting;
    this.#waiting = Promise.resolve(undefined);
    return connection?.isOver === false ? connection : undefined;
  }
}
