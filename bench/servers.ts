import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const root = path.resolve(import.meta.dirname, "..");

/** A server under test, in processes of its own. */
export interface Server extends AsyncDisposable {
  readonly pid: number;
  url(path: string): string;
}

/** node:http on one thread, answering the hello module's bytes. */
export async function startRaw(): Promise<Server> {
  const child = spawn(process.execPath, [path.join(root, "bench", "raw-server.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return server(child, `http://127.0.0.1:${port}`, async () => {});
}

export interface PodUnderTest {
  /** Container name to its module file (below guests/) and route. */
  readonly modules: Readonly<Record<string, { readonly file: string; readonly route: string }>>;
  /** @default 1 */
  readonly workers?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly port: number;
}

/** `wasipool run` from the bundle, serving one pod; resolves when its first route answers. */
export async function startPod(pod: PodUnderTest): Promise<Server> {
  const folder = await mkdtemp(path.join(tmpdir(), "wasipool-bench-"));
  await writeFile(path.join(folder, "pod.json"), JSON.stringify(manifest(pod)));
  const images = Object.values(pod.modules).map(({ file }) => `${localImage(file)}=${path.join(root, "guests", file)}`);
  const args = [
    "run",
    path.join(folder, "pod.json"),
    "--workers",
    String(pod.workers ?? 1),
    "--root",
    path.join(folder, "root"),
  ];
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      path.join(root, "dist", "main.js"),
      ...args,
      ...images.flatMap((image) => ["--image", image]),
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const url = `http://127.0.0.1:${pod.port}`;
  await answered(url + (Object.values(pod.modules)[0]?.route ?? "/").replace("/...", ""));
  return server(child, url, () => rm(folder, { recursive: true, force: true }));
}

function manifest(pod: PodUnderTest): unknown {
  const entries = Object.entries(pod.modules);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "bench",
      annotations: {
        "alpha.wagi.krustlet.dev/default-host": `127.0.0.1:${pod.port}`,
        "alpha.wagi.krustlet.dev/modules": JSON.stringify(
          Object.fromEntries(entries.map(([name, { route }]) => [name, { route }])),
        ),
        ...pod.annotations,
      },
    },
    spec: { containers: entries.map(([name, { file }]) => ({ name, image: localImage(file) })) },
  };
}

function localImage(file: string): string {
  return `bench.local/${path.basename(file, ".wasm")}:v1`;
}

async function answered(url: string): Promise<void> {
  const end = performance.now() + 30_000;
  for (;;) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status !== 0 && status !== 503) return;
    if (performance.now() > end) throw new Error(`${url} did not answer within 30 s`);
    await delay(10);
  }
}

function server(child: ChildProcess, url: string, cleanUp: () => Promise<void>): Server {
  return {
    pid: child.pid ?? 0,
    url: (at) => url + at,
    async [Symbol.asyncDispose]() {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
      await cleanUp();
    },
  };
}
