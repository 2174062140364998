/**
 * The file of a worker or process entry that lies beside the calling module: `name.ts` in a checkout, `name.js` in the bundle,
 * where every entry lies in one folder. Bundlers do not follow `new URL("./x.ts", import.meta.url)`, so entries are named in
 * scripts/build.ts too.
 */
export function entryUrl(importMetaUrl: string, name: string): URL {
  return new URL(`./${name}${importMetaUrl.endsWith(".ts") ? ".ts" : ".js"}`, importMetaUrl);
}
