import { formatBytes } from "../../base/index.ts";
import type { Terminal } from "./terminal.ts";

const BAR_COLUMNS = 20;

/** One thing that takes long: its label and how far it is, or words where that is unknown. */
export interface ProgressLine {
  readonly label: string;
  readonly done?: number;
  readonly total?: number;
  readonly note?: string;
}

/**
 * Lines on a terminal that are drawn again as things go on; silent where standard error is no terminal.
 * Call `pause` before anything else is written to the terminal.
 */
export class Progress {
  readonly #terminal: Terminal;
  readonly #lines = new Map<string, ProgressLine>();
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  set(key: string, line: ProgressLine): void {
    this.#lines.set(key, line);
    this.#draw();
  }

  remove(key: string): void {
    if (this.#lines.delete(key)) this.#draw();
  }

  /** Wipes what is drawn; the next `set` draws it again. */
  pause(): void {
    if (this.#drawn > 0) this.#terminal.draw(`\u001B[${this.#drawn}A\u001B[J`);
    this.#drawn = 0;
  }

  #draw(): void {
    if (!this.#terminal.isInteractive) return;
    this.pause();
    const lines = [...this.#lines.values()].map((line) => formatProgress(line).slice(0, this.#terminal.columns - 1));
    if (lines.length > 0) this.#terminal.draw(`${lines.join("\n")}\n`);
    this.#drawn = lines.length;
  }
}

/** `hello:v1  [=====>    ]  50 %  1 MiB of 2 MiB` */
export function formatProgress(line: ProgressLine): string {
  if (line.done === undefined || !line.total) return [line.label, line.note ?? ""].join("  ").trimEnd();
  const share = Math.min(1, line.done / line.total);
  const filled = Math.round(share * BAR_COLUMNS);
  const bar = "=".repeat(Math.max(0, filled - 1)) + (filled > 0 ? ">" : "") + " ".repeat(BAR_COLUMNS - filled);
  return `${line.label}  [${bar}]  ${Math.round(share * 100)} %  ${formatBytes(line.done)} of ${formatBytes(line.total)}`;
}
