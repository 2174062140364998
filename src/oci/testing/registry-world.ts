import path from "node:path";
import { type Clock, silentLogger } from "../../base/index.ts";
import { createImageClient, type ImageClientOptions, type PullOptions } from "../client/image-client.ts";
import { parseReference } from "../reference/reference.ts";
import { openStore, tempFolder } from "./fixture.ts";
import { RegistryServer } from "./registry-server.ts";

/** A clock that waits for nothing and notes how long it should have. */
export class ImpatientClock implements Clock {
  readonly waits: number[] = [];
  #skipped = 0;

  now(): number {
    return Date.now() + this.#skipped;
  }

  monotonic(): number {
    return performance.now() + this.#skipped;
  }

  /** Moves time on. */
  skip(ms: number): void {
    this.#skipped += ms;
  }

  after(delayMs: number, run: () => void): Disposable {
    this.waits.push(delayMs);
    const immediate = setImmediate(run);
    return { [Symbol.dispose]: () => clearImmediate(immediate) };
  }
}

/** A registry, and a client with a store of its own. */
export async function registryWorld(options: Partial<ImageClientOptions> = {}) {
  const folder = await tempFolder();
  const server = await RegistryServer.start();
  const clock = new ImpatientClock();
  const store = await openStore(path.join(folder.path, "store"));
  const client = createImageClient({ store, clock, log: silentLogger, ...options });
  const pull = (name: string, pullOptions: PullOptions = {}) =>
    client.pull(parseReference(`${server.host}/${name}`), pullOptions);
  const dispose = async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  return { folder: folder.path, server, clock, store, client, pull, [Symbol.asyncDispose]: dispose };
}
