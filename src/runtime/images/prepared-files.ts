import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { StateLayout } from "../../wasm/index.ts";
import type { Inspection } from "./inspect.ts";
import type { Preparation } from "./prepare.ts";

/** Version of what lies in a prepared folder, beside the layout version of the module in it. */
export const PREPARED_FORMAT = 1;

const MODULE_FILE = "module.wasm";
const RECORD_FILE = "prepared.json";

/** `prepared.json`: what was found, and the check of the bytes beside it. */
interface PreparedRecord {
  readonly inspection: Inspection;
  readonly module?: { readonly layout: StateLayout; readonly sha256: string };
}

/** Its own writer made the record, so only its outline is checked; bytes are checked by their digest. */
const recordSchema = z.object({
  inspection: z.object({ problems: z.array(z.string()) }),
  module: z.object({ layout: z.object({ version: z.int() }), sha256: z.string() }).optional(),
});

/** Prepared module as it lies on disk. */
export interface PreparedFiles {
  readonly inspection: Inspection;
  readonly module?: { readonly layout: StateLayout; open(): Promise<FileHandle> };
}

/** Writes a preparation into `folder`. The record comes last and by rename: a folder without one is not there. */
export async function writePrepared(folder: string, { inspection, prepared }: Preparation): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (prepared) await writeWhole(path.join(folder, MODULE_FILE), prepared.bytes);
  const record: PreparedRecord = {
    inspection,
    ...(prepared ? { module: { layout: prepared.layout, sha256: sha256(prepared.bytes) } } : {}),
  };
  await writeWhole(path.join(folder, RECORD_FILE), Buffer.from(JSON.stringify(record)));
}

/** Reads what `writePrepared` wrote; undefined when there is nothing whole (a crash, a damaged disk): prepare it again. */
export async function readPrepared(folder: string): Promise<PreparedFiles | undefined> {
  const record = await readRecord(path.join(folder, RECORD_FILE));
  if (!record) return undefined;
  const { inspection, module } = record;
  if (!module) return { inspection };
  const file = path.join(folder, MODULE_FILE);
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes || sha256(bytes) !== module.sha256) return undefined;
  return {
    inspection,
    module: { layout: module.layout, open: () => open(file, constants.O_RDONLY | constants.O_NOFOLLOW) },
  };
}

async function readRecord(file: string): Promise<PreparedRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, "utf8"));
    return recordSchema.safeParse(value).success ? (value as PreparedRecord) : undefined;
  } catch {
    return undefined;
  }
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = `${file}.${process.pid}.tmp`;
  const handle = await open(unfinished, "w", 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
