// Bundles src/ into dist/ for a release: the command and every file that starts as a worker or process of its own.
// Node does not strip types below node_modules, and a bundle starts ten times faster than its sources.
import { globSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { rolldown } from "rolldown";
import { formatBytes } from "../src/base/index.ts";

const root = path.resolve(import.meta.dirname, "..");
const dist = path.join(root, "dist");

/** Entries by the name under which `entryUrl` looks for them; a file ending in `.entry.ts` starts as a worker or process. */
const entries = Object.fromEntries(
  ["src/cli/main.ts", ...globSync("src/**/*.entry.ts", { cwd: root })].map((file) => [
    path.basename(file, ".ts"),
    path.join(root, file),
  ]),
);

rmSync(dist, { recursive: true, force: true });
const bundle = await rolldown({ input: entries, platform: "node", logLevel: "warn" });
await bundle.write({
  dir: dist,
  format: "esm",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "chunk-[hash].js",
});
await bundle.close();
const bytes = globSync("*.js", { cwd: dist }).reduce((sum, file) => sum + statSync(path.join(dist, file)).size, 0);
console.log(`dist/: ${Object.keys(entries).length} entries, ${formatBytes(bytes)}`);
