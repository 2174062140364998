import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { formatBytes } from "../../base/index.ts";
import { badInput } from "../failure.ts";

/** Largest manifest file read, in bytes: more is a mistake (the API server stops at 1.5 MiB an object). */
const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;
const MANIFEST_EXTENSIONS = new Set([".yaml", ".yml", ".json"]);

/** What `wasipool run FILE…` was given: manifest texts, or modules to serve without one. */
export interface RunInputs {
  readonly manifests: readonly { readonly source: string; readonly text: string }[];
  /** Absolute paths of `.wasm` files. */
  readonly modules: readonly string[];
  /** What to look at again with `--watch`. */
  readonly watched: readonly Watched[];
}

/** A file in a folder (absolute), or with no name every file in it. */
export interface Watched {
  readonly folder: string;
  readonly name?: string;
}

/** Reads manifests from files, from the manifests of a folder (as `kubectl -f` does, not below it) and from `-`, standard input. */
export async function readInputs(files: readonly string[], cwd: string, stdin: Readable): Promise<RunInputs> {
  const manifests: { source: string; text: string }[] = [];
  const modules: string[] = [];
  const watched: Watched[] = [];
  for (const file of files) {
    if (file === "-") {
      manifests.push({ source: "standard input", text: await readAll(stdin) });
      continue;
    }
    const absolute = path.resolve(cwd, file);
    const found = await expand(absolute, file);
    watched.push(
      found.isFolder ? { folder: absolute } : { folder: path.dirname(absolute), name: path.basename(absolute) },
    );
    for (const each of found.files) {
      if (each.endsWith(".wasm")) modules.push(each);
      else manifests.push({ source: path.relative(cwd, each), text: await readManifest(each, file) });
    }
  }
  return { manifests, modules, watched };
}

async function expand(absolute: string, asGiven: string): Promise<{ files: readonly string[]; isFolder: boolean }> {
  const found = await stat(absolute).catch((cause: unknown) => {
    throw badInput(`Cannot read ${asGiven}: ${reasonOf(cause)}`, { cause });
  });
  if (!found.isDirectory()) return { files: [absolute], isFolder: false };
  const names = (await readdir(absolute)).filter((name) => MANIFEST_EXTENSIONS.has(path.extname(name))).toSorted();
  if (names.length === 0) throw badInput(`The folder ${asGiven} holds no .yaml, .yml or .json file`);
  return { files: names.map((name) => path.join(absolute, name)), isFolder: true };
}

async function readManifest(absolute: string, asGiven: string): Promise<string> {
  const bytes = await readFile(absolute).catch((cause: unknown) => {
    throw badInput(`Cannot read ${asGiven}: ${reasonOf(cause)}`, { cause });
  });
  return decode(bytes, asGiven);
}

async function readAll(stdin: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) break;
    chunks.push(chunk);
  }
  return decode(Buffer.concat(chunks, Math.min(size, MAX_MANIFEST_BYTES + 1)), "standard input", size);
}

function decode(bytes: Buffer, source: string, size = bytes.length): string {
  if (size > MAX_MANIFEST_BYTES) {
    throw badInput(`${source} is larger than ${formatBytes(MAX_MANIFEST_BYTES)}: too large for a manifest`);
  }
  if (bytes.subarray(0, 4).equals(Buffer.from("\0asm"))) {
    throw badInput(`${source} is a WebAssembly module; name it ….wasm to run it without a manifest`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badInput(`${source} is not UTF-8 text, so it is no manifest`, { cause });
  }
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return "no such file or folder";
  if (code === "EACCES") return "permission denied";
  return cause instanceof Error ? cause.message : String(cause);
}
