// Checks src/ against the import table of docs/architecture.md: a module may import itself and what the table allows,
// and another module only through its index.ts.
import { globSync, readFileSync } from "node:fs";
import path from "node:path";

const TABLE: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wasm: ["base"],
  wasi: ["base", "wasm"],
  engine: ["base", "wasm", "wasi"],
  gateway: ["base", "wasi", "engine"],
  shim: ["base", "wasm", "wasi", "engine", "gateway"],
  oci: ["base", "wasm"],
  network: ["base"],
  cri: ["base"],
  runtime: ["base", "wasm", "cri", "oci", "shim", "network"],
  kubelet: ["base", "cri"],
  cli: ["base", "wasm", "cri", "oci", "network", "shim", "runtime", "kubelet"],
};

const root = path.resolve(import.meta.dirname, "..");
const files = globSync("src/**/*.ts", { cwd: root }).toSorted();
const problems = files.flatMap((file) => problemsOf(file, readFileSync(path.join(root, file), "utf8")));
if (files.length === 0) problems.push("src/ holds no source file: nothing was checked");
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

function problemsOf(file: string, source: string): string[] {
  const module = file.split("/")[1] ?? "";
  const allowed = TABLE[module];
  if (!allowed) return [`${file}: module "${module}" is not in the import table`];
  return [...source.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].flatMap(([, specifier = ""]) => {
    const target = path.posix.join(path.posix.dirname(file), specifier);
    const [top, other = "", ...rest] = target.split("/");
    if (top !== "src") return file.endsWith(".test.ts") ? [] : [`${file}: imports ${target}, outside src/`];
    if (other === module) return [];
    if (!allowed.includes(other)) return [`${file}: ${module} may not import ${other} (${specifier})`];
    return rest.join("/") === "index.ts" ? [] : [`${file}: imports ${target}; another module's face is its index.ts`];
  });
}
