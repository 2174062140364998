/**
 * The guest's memory as host functions see it. Views are made once and again only after the memory grew, which detaches the old
 * buffer (its length is then 0) or, for shared memory, leaves it too short.
 *
 * Pointers are unsigned: functions convert what Wasm passes by `>>> 0`. Sums stay exact, as numbers do not wrap at 32 bits.
 */
export class GuestMemory {
  #memory: WebAssembly.Memory | undefined;
  bytes = new Uint8Array(0);
  view = new DataView(this.bytes.buffer);

  bind(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** Whether `length` bytes at `pointer` are inside; to be asked before `bytes` and `view` are used. */
  has(pointer: number, length: number): boolean {
    if (this.bytes.length > 0 && pointer + length <= this.bytes.length) return true;
    this.#refresh();
    return pointer + length <= this.bytes.length;
  }

  #refresh(): void {
    if (!this.#memory) return;
    this.bytes = new Uint8Array(this.#memory.buffer);
    this.view = new DataView(this.#memory.buffer);
  }
}
