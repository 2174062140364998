import { stripVTControlCharacters } from "node:util";

const GAP = "   ";

/** Lines up cells under their headings as kubectl does: upper-case headings, three spaces between columns, no rules. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings.map((heading) => heading.toUpperCase()), ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ""))));
  return lines.map((line) => formatLine(line, widths)).join("\n");
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
    .join(GAP)
    .trimEnd();
}

/** Columns that a text takes, colours not counted. */
function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
