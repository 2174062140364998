import { open } from "node:fs/promises";
import { detectKind } from "../../wasm/index.ts";
import { notWasm } from "../manifest/locate-module.ts";

const LONGEST_MAGIC = 8;

/** Beginnings of files that people push by mistake. */
const KNOWN: readonly (readonly [beginning: string, what: string])[] = [
  ["\u007FELF", "a Linux program"],
  ["\u001F\u008B", "compressed by gzip"],
  ["PK\u0003\u0004", "a zip archive"],
  ["MZ", "a Windows program"],
  ["#!", "a script"],
  ["(module", "WebAssembly text; compile it with wat2wasm"],
  ["(compone", "WebAssembly text; compile it with wasm-tools parse"],
];

/** What the module in a file is, by its first bytes. Throws RegistryError NOT_WASM with what the file looks like. */
export async function sniffModule(file: string, name: string): Promise<"module" | "component"> {
  const beginning = await readBeginning(file);
  const kind = detectKind(beginning);
  if (kind !== "not-wasm") return kind;
  throw notWasm(name, `says that it is WebAssembly, but the module ${describeBeginning(beginning)}`);
}

/** Words for bytes that are no module: "is a Linux program", "begins with de ad be ef". */
export function describeBeginning(bytes: Uint8Array): string {
  if (bytes.length === 0) return "is empty";
  const text = Buffer.from(bytes).toString("latin1");
  const known = KNOWN.find(([beginning]) => text.startsWith(beginning));
  const hex = Buffer.from(bytes.subarray(0, LONGEST_MAGIC))
    .toString("hex")
    .replaceAll(/..(?!$)/g, "$& ");
  return known ? `is ${known[1]}` : `begins with ${hex}`;
}

async function readBeginning(file: string): Promise<Uint8Array> {
  await using handle = await open(file, "r");
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(LONGEST_MAGIC), 0, LONGEST_MAGIC, 0);
  return buffer.subarray(0, bytesRead);
}
