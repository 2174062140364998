import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What this process holds of its heap and of buffers beside it, garbage left out. */
export async function retainedBytes(): Promise<number> {
  // Some is only let go by finalizers, which run between two turns.
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
