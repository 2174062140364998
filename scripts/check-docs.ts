// Checks what the documents point at: relative links and their anchors, `npm run` scripts, paths of this repository in backticks.
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(path.join(root, "package.json"), "utf8"),
).scripts;
const documents = ["*.md", "docs/**/*.md"].flatMap((pattern) => globSync(pattern, { cwd: root })).toSorted();

const problems = documents.flatMap((document) => {
  const text = readFileSync(path.join(root, document), "utf8");
  return [...brokenLinks(document, text), ...unknownScripts(document, text), ...missingPaths(document, text)];
});
if (documents.length === 0) problems.push("no document was found: nothing was checked");
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function brokenLinks(document: string, text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(([, link = "", anchor]) => {
    const target = link === "" ? document : path.posix.join(path.posix.dirname(document), link);
    if (!existsSync(path.join(root, target))) return [`${document}: links to ${target}, which does not exist`];
    if (anchor && !anchorsOf(target).has(anchor))
      return [`${document}: links to ${target}#${anchor}, a heading that does not exist`];
    return [];
  });
}

function anchorsOf(document: string): Set<string> {
  const headings = readFileSync(path.join(root, document), "utf8").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function unknownScripts(document: string, text: string): string[] {
  return [...text.matchAll(/npm run ([a-z][\w:-]*)/g)].flatMap(([, name = ""]) =>
    name in scripts ? [] : [`${document}: names the script "${name}", which package.json does not have`],
  );
}

function missingPaths(document: string, text: string): string[] {
  return [...text.matchAll(/`((?:src|scripts|guests|examples|bench|bin)\/[\w./-]*)`/g)].flatMap(([, file = ""]) =>
    existsSync(path.join(root, file)) ? [] : [`${document}: names ${file}, which does not exist`],
  );
}
