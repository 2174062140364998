import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  parseAllDocuments,
  type Tags,
  visit,
} from "yaml";
import { formatBytes } from "../../base/index.ts";
import { error, type Finding } from "./problem.ts";

/** Bounds of one manifest file; a hostile one could cost memory and time. */
export const MANIFEST_LIMITS = {
  /** Length of the text, in characters. */
  maxTextLength: 8 * 1024 * 1024,
  maxDocuments: 10_000,
  /** Nodes that aliases may stand for, as a multiple of those written: "billion laughs". */
  maxAliasCount: 100,
  /** Aliases of one document. */
  maxAliases: 1000,
  /** Depth of nested maps and lists. */
  maxDepth: 100,
} as const;

/** One document of a file: its value, or what is wrong with it. */
export type ReadDocument =
  | { readonly value: unknown; readonly findings?: undefined }
  | { readonly findings: readonly Finding[] };

// What kubectl's YAML does not know either: dates, base-60 numbers and binary stay text.
const UNKNOWN_TAGS = new Set(["timestamp", "binary", "omap", "pairs", "set"].map((tag) => `tag:yaml.org,2002:${tag}`));

/**
 * Reads the YAML or JSON documents of a file; empty ones are left out. YAML 1.1 as in kubectl, so that `defaultMode: 0644` is octal.
 * Refuses repeated keys, tags, too many aliases and too deep nesting.
 */
export function readDocuments(text: string): readonly ReadDocument[] {
  if (text.length > MANIFEST_LIMITS.maxTextLength)
    return [failed(`is longer than ${formatBytes(MANIFEST_LIMITS.maxTextLength)}`)];
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: "1.1",
    customTags: withoutUnknown,
    // Checked in `repeatedKeys`: the library compares each key with all others.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  });
  if (!Array.isArray(documents)) return [];
  if (documents.length > MANIFEST_LIMITS.maxDocuments)
    return [failed(`holds more than ${MANIFEST_LIMITS.maxDocuments} documents`)];
  return documents
    .map((document) => readDocument(document, lines))
    .filter((read) => read.findings || read.value !== null);
}

function withoutUnknown(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === "string" || !(UNKNOWN_TAGS.has(tag.tag) || tag.format === "TIME"));
}

function readDocument(document: Document.Parsed, lines: LineCounter): ReadDocument {
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) return failed(`line ${lines.linePos(fault.pos[0]).line}: ${messageOf(fault)}`);
  const problem = findFault(document, lines);
  if (problem !== undefined) return failed(problem);
  try {
    return { value: document.toJS({ maxAliasCount: MANIFEST_LIMITS.maxAliasCount }) };
  } catch (cause) {
    return failed((cause as Error).message);
  }
}

function messageOf({ message }: Error): string {
  return message.includes("call stack") ? `is nested deeper than ${MANIFEST_LIMITS.maxDepth}` : message;
}

/** Repeated keys, keys that are no text, nesting, aliases of nothing; the first found. */
function findFault(document: Document.Parsed, lines: LineCounter): string | undefined {
  let found: string | undefined;
  let aliases = 0;
  const anchors = new Set<string>();
  const at = (node: { range?: readonly number[] | null | undefined }) =>
    `line ${lines.linePos(node.range?.[0] ?? 0).line}`;
  visit(document, {
    Value(_key, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Collection(_key, node, path) {
      if (node.anchor !== undefined) anchors.add(node.anchor);
      if (path.length > 2 * MANIFEST_LIMITS.maxDepth)
        found = `${at(node)}: is nested deeper than ${MANIFEST_LIMITS.maxDepth}`;
      else if (isMap(node))
        found = repeatedKey(
          node.items.map(({ key }) => key),
          at,
        );
      return found === undefined ? undefined : visit.BREAK;
    },
    Alias(_key, node: Alias, path) {
      if (path.some((parent) => isCollection(parent) && parent.anchor === node.source))
        found = `${at(node)}: alias *${node.source} stands for something it is part of`;
      else if (!anchors.has(node.source)) found = `${at(node)}: alias *${node.source} has no anchor`;
      else if (++aliases > MANIFEST_LIMITS.maxAliases)
        found = `${at(node)}: has more than ${MANIFEST_LIMITS.maxAliases} aliases`;
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  return found;
}

function repeatedKey(
  keys: readonly unknown[],
  at: (node: { range?: readonly number[] | null | undefined }) => string,
): string | undefined {
  const seen = new Set<string>();
  for (const key of keys) {
    if (isAlias(key) || !isScalar(key)) return "a key is not text";
    const text = String(key.value);
    if (seen.has(text)) return `${at(key)}: key ${JSON.stringify(text)} stands there twice`;
    // Merge keys may stand there more than once in no YAML; everything else is compared as JSON would.
    seen.add(text);
  }
  return undefined;
}

function failed(message: string): ReadDocument {
  return { findings: [error("", message)] };
}
