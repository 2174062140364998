import { fstat, read } from "node:fs";
import { promisify } from "node:util";
import { formatBytes } from "../../base/index.ts";
import type { PreparedModule } from "../../engine/index.ts";
import type { RequestOf } from "../protocol.ts";
import { RefusedError } from "./worker-protocol.ts";

/** Largest instrumented module. The runtime limits the published one before; this guards the memory of the process. */
export const MAX_MODULE_BYTES = 512 * 1024 * 1024;

const readAt = promisify(read);
const statOf = promisify(fstat);

/** Reads and compiles a module, off the calling thread. Every worker can use the result; sending it there is free. */
export async function loadModule(request: RequestOf<"load-module">, fd: number): Promise<PreparedModule> {
  const { digest, layout } = request;
  const bytes = await readWhole(fd, digest);
  try {
    return { digest, layout, module: await WebAssembly.compile(bytes) };
  } catch (cause) {
    throw new RefusedError("unusable", `Module ${digest} does not compile: ${String(cause)}`, { cause });
  }
}

async function readWhole(fd: number, digest: string): Promise<Uint8Array> {
  const { size } = await statOf(fd);
  if (size > MAX_MODULE_BYTES) {
    throw new RefusedError(
      "unusable",
      `Module ${digest} has ${formatBytes(size)}; at most ${formatBytes(MAX_MODULE_BYTES)} are loaded`,
    );
  }
  const bytes = new Uint8Array(size);
  for (let offset = 0; offset < size;) {
    const { bytesRead } = await readAt(fd, bytes, offset, size - offset, offset);
    if (bytesRead === 0)
      throw new RefusedError("internal", `The file of module ${digest} became shorter while it was read`);
    offset += bytesRead;
  }
  return bytes;
}
