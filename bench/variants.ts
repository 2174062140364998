import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { guestFile } from "./world.ts";

const TEXT = "hello world";

/**
 * Writes `count` modules that answer different texts, so that nothing compiled or prepared for one serves another: hello.wasm with
 * the words in its data changed. Answers their paths.
 */
export async function writeVariants(folder: string, label: string, count: number): Promise<readonly string[]> {
  const hello = await readFile(guestFile("demo/hello.wasm"));
  const at = hello.indexOf(TEXT);
  if (at < 0) throw new Error(`hello.wasm does not hold "${TEXT}"`);
  const files: string[] = [];
  for (let i = 0; i < count; i++) {
    const variant = Buffer.from(hello);
    variant.write(`${label}${i}`.padEnd(TEXT.length).slice(0, TEXT.length), at, "latin1");
    const file = path.join(folder, `${label}${i}.wasm`);
    await writeFile(file, variant);
    files.push(file);
  }
  return files;
}
