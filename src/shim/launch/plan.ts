import path from "node:path";
import { fileURLToPath } from "node:url";
import { entryUrl } from "../../base/index.ts";
import type { ShimSettings } from "../settings.ts";
import { processEntryUrl } from "../process/entry.ts";

/** Descriptor numbers in the shim: the stream of messages, the packets of descriptors, the folder its code is in if it needs one. */
export const STREAM_FD = 3;
export const PACKETS_FD = 4;
export const CODE_FD = 5;

/** What the first stage of a shim is told by its only argument. The runtime makes it; nothing else can. */
export interface LaunchPlan {
  /** The Node binary that the shim runs. */
  readonly node: string;
  /** Options for Node and V8. */
  readonly flags: readonly string[];
  /** Folder that holds all code: of the package, with its package.json. */
  readonly codeRoot: string;
  /** The shim's first file, relative to `codeRoot`. */
  readonly entry: string;
  /** Uid and gid to change to; only root can. */
  readonly identity?: Identity;
  /** Handed on to the shim. */
  readonly workers: number;
  readonly settings: ShimSettings;
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** What the first stage tells the shim by its only argument. */
export interface LaunchResult {
  readonly workers: number;
  readonly settings: ShimSettings;
  /** What could not be restricted, for people to read. */
  readonly warnings: readonly string[];
}

/** The first stage's file. */
export function launcherFile(): string {
  return fileURLToPath(entryUrl(import.meta.url, "shim-launcher.entry"));
}

/** Where the shim's code is: below src/ of a checkout, or in the folder of the bundle. */
export function shimCode(): { readonly codeRoot: string; readonly entry: string } {
  const file = fileURLToPath(processEntryUrl());
  const codeRoot = path.resolve(path.dirname(file), file.endsWith(".ts") ? "../../.." : "..");
  return { codeRoot, entry: path.relative(codeRoot, file) };
}
