import { stringify } from "yaml";
import { formatTable } from "./table.ts";

export const OUTPUT_FORMATS = ["table", "json", "yaml"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** How a list of records looks as a table. */
export interface TableView<Record> {
  readonly headings: readonly string[];
  row(record: Record): readonly string[];
}

/** Records as people (`table`) or programs (`json`, `yaml`) want them. Without the final newline. */
export function formatRecords<Record>(
  format: OutputFormat,
  records: readonly Record[],
  view: TableView<Record>,
): string {
  switch (format) {
    case "json":
      return JSON.stringify(records, replaceBigints, 2);
    case "yaml":
      return stringify(records).trimEnd();
    case "table":
      return formatTable(
        view.headings,
        records.map((record) => view.row(record)),
      );
  }
}

function replaceBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
