export { formatRecords, OUTPUT_FORMATS, type OutputFormat, type TableView } from "./format.ts";
export { Progress, type ProgressLine } from "./progress.ts";
export { formatTable } from "./table.ts";
export { type ColourSettings, createTerminal, type Terminal } from "./terminal.ts";
export { createLogger } from "./logger.ts";
