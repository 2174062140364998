import { formatBytes } from "../../base/index.ts";
import type { StoredImage } from "../../oci/index.ts";
import { formatRecords, type TableView } from "../output/index.ts";
import type { Inspected } from "./inspect.ts";
import type { OwnRoutes } from "./own-routes.ts";
import type { Verdict } from "./verdict.ts";

type Line = readonly [label: string, value: string];
type ImportView = Verdict["imports"][number];
type ExportView = Verdict["exports"][number];

const LINES: TableView<Line> = { headings: ["Property", "Value"], row: (line) => line };
const IMPORTS: TableView<ImportView> = {
  headings: ["Import", "Kind", "Here"],
  row: ({ module, name, kind, isProvided }) => [`${module}.${name}`, kind, isProvided ? "yes" : "missing"],
};
const EXPORTS: TableView<ExportView> = {
  headings: ["Export", "Kind", "Entry point"],
  row: ({ name, kind, isEntrypoint }) => [name, kind, isEntrypoint ? "yes" : "no"],
};

/** An inspection for people: what it is, whether it runs here, what it imports and exports. */
export function describe(found: Inspected): string {
  const { imports, exports } = found.module;
  return [
    formatRecords("table", lines(found), LINES),
    ...(imports.length > 0 ? [formatRecords("table", imports, IMPORTS)] : []),
    ...(exports.length > 0 ? [formatRecords("table", exports, EXPORTS)] : []),
  ].join("\n\n");
}

function lines({ subject, image, module, ownRoutes }: Inspected): readonly Line[] {
  const { kind, wasi, bytes, imports, exports, problems } = module;
  const missing = imports.filter(({ isProvided }) => !isProvided).length;
  const entries = exports.filter(({ isEntrypoint }) => isEntrypoint).map(({ name }) => name);
  return [
    ["Subject", subject],
    ...(image ? imageLines(image) : []),
    ["Kind", kind],
    ["WASI", wasi ?? "none"],
    ["Size", formatBytes(bytes)],
    ["Memory", memoryText(module)],
    ["Imports", `${imports.length}${missing > 0 ? `, ${missing} of them unknown here` : ""}`],
    ["Entry points", entries.join(", ") || "none"],
    ...(ownRoutes ? [["Routes", routesText(ownRoutes)] as const] : []),
    ...instanceLines(module),
    ["Runs here", problems.length === 0 ? "yes" : `no: ${problems.join("; ")}`],
  ];
}

function memoryText({ memory }: Verdict): string {
  if (!memory) return "none";
  return `${formatBytes(memory.minBytes)} to ${memory.maxBytes === undefined ? "no maximum" : formatBytes(memory.maxBytes)}`;
}

function routesText(own: OwnRoutes): string {
  if ("problem" in own) return `none: ${own.problem}`;
  return own.routes.map(({ route, entrypoint }) => `${route} (${entrypoint})`).join(", ") || "none";
}

function instanceLines({ freshInstances }: Verdict): readonly Line[] {
  if (!freshInstances) return [];
  const text = freshInstances.length === 0 ? "used again" : `made anew for each run: ${freshInstances.join("; ")}`;
  return [["Instances", text]];
}

function imageLines({ digest, mediaType, tags, moduleDigest, pulledAt }: StoredImage): readonly Line[] {
  return [
    ["Digest", digest],
    ["Media type", mediaType],
    ["Tags", tags.join(", ") || "none"],
    ["Module", moduleDigest],
    ["Pulled", pulledAt],
  ];
}
