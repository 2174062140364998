// Runs the same recursion in both lanes, in a worker as in the product, and prints the deepest that each took.
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { invocation, prepare, testEngine } from "./fixture.ts";

const START = 1000;

/** Recurses as deep as `depth`; with locals, so that frames are as in real code. */
function recursing(depth: number): string {
  return `(module (func $f (param i32) (result i32) (local i64 i64 i64 i64)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
      (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
    (func (export "_start") (drop (call $f (i32.const ${depth})))))`;
}

async function passes(depth: number, live: boolean): Promise<boolean> {
  const slices = { until: (epoch: number) => (epoch + 1e6) | 0, isOver: () => false };
  await using engine = testEngine({ testing: { slices } });
  return (await engine.load(prepare(recursing(depth))).run(invocation({ live }))).kind === "exited";
}

async function deepest(live: boolean): Promise<number> {
  let passed = START;
  let failed = START * 512;
  while (failed - passed > START / 2) {
    const depth = (passed + failed) >> 1;
    if (await passes(depth, live)) passed = depth;
    else failed = depth;
  }
  return passed;
}

if (isMainThread) {
  const depths = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL(import.meta.url), { workerData: depths });
  worker.on("exit", () => process.stdout.write(JSON.stringify({ fast: depths[0], sliced: depths[1] })));
} else {
  const depths = workerData as Int32Array;
  depths[0] = await deepest(false);
  depths[1] = await deepest(true);
}
