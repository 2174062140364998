import { HOST_EXPORTS, type StateLayout } from "../../wasm/index.ts";
import { exportOf } from "./saved-state.ts";

/** The globals by which the host steers an instance (`HOST_EXPORTS`). */
export class Controls {
  readonly #deadline: WebAssembly.Global;
  readonly #memory: MemoryControls | undefined;

  constructor(exports: WebAssembly.Exports, layout: StateLayout) {
    const control = (name: string) => exportOf(exports, name, WebAssembly.Global);
    this.#deadline = control(HOST_EXPORTS.deadline);
    if (layout.memory) {
      this.#memory = {
        minPages: layout.memory.minPages,
        pages: control(HOST_EXPORTS.pages),
        maxPages: control(HOST_EXPORTS.maxPages),
        refusedPages: control(HOST_EXPORTS.refusedPages),
      };
    }
  }

  /** Checks call `overrun` once the epoch is later than this. */
  set deadline(epoch: number) {
    this.#deadline.value = epoch;
  }

  get deadline(): number {
    return this.#deadline.value as number;
  }

  /** Whether the guest was refused memory since the last reset. */
  get wasRefusedMemory(): boolean {
    return this.#memory !== undefined && this.#memory.refusedPages.value !== 0;
  }

  /** Makes the memory as small as at first, to grow up to `maxPages`. */
  reset(maxPages: number): void {
    if (!this.#memory) return;
    this.#memory.pages.value = this.#memory.minPages;
    this.#memory.maxPages.value = maxPages;
    this.#memory.refusedPages.value = 0;
  }
}

interface MemoryControls {
  readonly minPages: number;
  readonly pages: WebAssembly.Global;
  readonly maxPages: WebAssembly.Global;
  readonly refusedPages: WebAssembly.Global;
}
