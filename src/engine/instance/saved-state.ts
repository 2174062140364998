import type { StateLayout } from "../../wasm/index.ts";

/** Table entries put back one by one (about 50 ns each); a module that changes larger tables gets fresh instances. */
export const MAX_RESTORED_TABLE_ENTRIES = 4096;

/** Globals and tables of one instance as they were before any code ran. */
export class SavedState {
  readonly #globals: readonly (readonly [WebAssembly.Global, unknown])[];
  readonly #tables: readonly (readonly [WebAssembly.Table, readonly unknown[]])[];
  /** Why they cannot be put back, if so. */
  readonly obstacle: string | undefined;

  constructor(exports: WebAssembly.Exports, layout: StateLayout) {
    this.#globals = layout.globals.map(({ name }) => saveGlobal(exports, name));
    const tables = layout.tables.map((name) => exportOf(exports, name, WebAssembly.Table));
    this.obstacle = this.#obstacle(tables);
    this.#tables = this.obstacle === undefined ? tables.map((table) => [table, entriesOf(table)]) : [];
  }

  /** False when a table has grown, which cannot be undone. */
  restore(): boolean {
    for (const [table, entries] of this.#tables) if (!restoreTable(table, entries)) return false;
    for (const [global, value] of this.#globals) global.value = value;
    return true;
  }

  /** JavaScript numbers keep no NaN's payload, so such a global would not be put back bit by bit. */
  #obstacle(tables: readonly WebAssembly.Table[]): string | undefined {
    if (this.#globals.some(([, value]) => Number.isNaN(value))) return "a mutable global starts as NaN";
    const entries = tables.reduce((sum, table) => sum + table.length, 0);
    if (entries <= MAX_RESTORED_TABLE_ENTRIES) return undefined;
    return `it changes tables of ${entries} entries, more than ${MAX_RESTORED_TABLE_ENTRIES}`;
  }
}

function saveGlobal(exports: WebAssembly.Exports, name: string): readonly [WebAssembly.Global, unknown] {
  const global = exportOf(exports, name, WebAssembly.Global);
  return [global, global.value];
}

function entriesOf(table: WebAssembly.Table): unknown[] {
  return Array.from({ length: table.length }, (_, index) => table.get(index));
}

function restoreTable(table: WebAssembly.Table, entries: readonly unknown[]): boolean {
  if (table.length !== entries.length) return false;
  for (const [index, entry] of entries.entries()) if (table.get(index) !== entry) table.set(index, entry);
  return true;
}

/** An export that instrumenting promised. Throws when the module was not instrumented. */
export function exportOf<T>(exports: WebAssembly.Exports, name: string, type: abstract new (...args: never[]) => T): T {
  const value: unknown = exports[name];
  if (value instanceof type) return value;
  throw new TypeError(`The module has no export "${name}"; it must be instrumented by this version`);
}
