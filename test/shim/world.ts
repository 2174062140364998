// A shim process with its client, guests for it, and what its tests look at.
import { EventEmitter, once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { silentLogger, systemClock } from "../../src/base/index.ts";
import { bindListener } from "../../src/network/index.ts";
import {
  type ClientNotice,
  type ContainerExit,
  type ContainerSpec,
  type ShimOptions,
  startShim,
} from "../../src/shim/index.ts";
import { instrument } from "../../src/wasm/index.ts";

const GUESTS = path.resolve(import.meta.dirname, "../../guests");

export const LIMITS = {
  timeoutMs: 30_000,
  maxRequestBodyBytes: 1024 * 1024,
  maxResponseBytes: 1024 * 1024,
  maxResponseHeaderBytes: 65_536,
  concurrency: 64,
  queue: 256,
};

export function containerOf(id: string, more: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    id,
    name: id,
    digest: "sha256:hello",
    args: [],
    env: [],
    mounts: [],
    memoryBytes: 64 * 1024 * 1024,
    weight: 100,
    ...more,
  };
}

export async function world(options: Partial<ShimOptions> = {}) {
  const dir = await mkdtempDisposable(path.join(tmpdir(), "wasipool-shim-"));
  const told = new EventEmitter();
  const notices: ClientNotice[] = [];
  const shim = await startShim({
    workers: 2,
    log: silentLogger,
    clock: systemClock,
    ...options,
    onNotice: (notice) => {
      notices.push(notice);
      told.emit("notice");
      return options.onNotice?.(notice);
    },
  });
  const sockets: { close(): void }[] = [];
  const it = {
    dir: dir.path,
    shim,
    notices,
    pid(): number {
      if (shim.pid === undefined) throw new Error("No shim process runs now");
      return shim.pid;
    },
    /** Loads a guest as `sha256:NAME`: the last part of a path below guests/, or the bytes of a module. */
    async load(guest: string, bytes: Uint8Array = readFileSync(path.join(GUESTS, `${guest}.wasm`))): Promise<string> {
      const digest = `sha256:${path.basename(guest)}`;
      const prepared = instrument(bytes);
      const file = path.join(dir.path, path.basename(guest));
      writeFileSync(file, prepared.bytes);
      const fd = openSync(file, "r");
      await shim.request({ op: "load-module", digest, layout: prepared.layout }, [fd]);
      closeSync(fd);
      return digest;
    },
    /** Listens for a sandbox with one route each for `containers`, `/NAME/...`. Answers its URL. */
    async listen(sandbox: string, ...containers: readonly string[]): Promise<string> {
      const listener = bindListener({ host: "127.0.0.1", port: 0 });
      sockets.push(listener);
      const url = `http://127.0.0.1:${listener.address.port}`;
      const routes = containers.map((container) => ({ route: `/${container}/...`, container }));
      await shim.request({ op: "declare-routes", sandbox, routes });
      await shim.request({ op: "listen", sandbox, url }, [listener.fd]);
      return url;
    },
    serve(sandbox: string, container: ContainerSpec, limits: Partial<typeof LIMITS> = {}) {
      const route = `/${container.name}/...`;
      const wagi = { route, entrypoint: "_start", allowedHosts: [], limits: { ...LIMITS, ...limits } };
      return shim.request({ op: "start-wagi", sandbox, container, wagi });
    },
    async until<T>(find: (notices: readonly ClientNotice[]) => T | undefined): Promise<T> {
      for (;;) {
        const found = find(notices);
        if (found !== undefined) return found;
        await once(told, "notice");
      }
    },
    untilExited(container: string): Promise<ContainerExit> {
      return it.until((all) => {
        const found = all.find((notice) => notice.event === "exited" && notice.container === container);
        return found?.event === "exited" ? found.exit : undefined;
      });
    },
    logOf(container: string): string {
      const texts = notices.flatMap((notice) =>
        notice.event === "log" && notice.container === container ? [notice.text] : [],
      );
      return Buffer.concat(texts).toString();
    },
    async [Symbol.asyncDispose]() {
      await shim.close();
      for (const socket of sockets) socket.close();
      await dir.remove();
    },
  };
  return it;
}
export type World = Awaited<ReturnType<typeof world>>;

/** One request on a connection of its own (or the agent's). Rejects when the connection breaks. */
export async function get(url: string, agent: http.Agent | false = false): Promise<{ status: number; body: string }> {
  const request = http.get(url, { agent });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
}

/** Fields of `/proc/PID/status`, of one thread or the process. */
export function statusOf(pid: number, thread?: string): ReadonlyMap<string, string> {
  const file = thread === undefined ? `/proc/${pid}/status` : `/proc/${pid}/task/${thread}/status`;
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return new Map(lines.map((line) => line.split(":\t", 2) as [string, string]));
}

export const threadsOf = (pid: number): readonly string[] => readdirSync(`/proc/${pid}/task`);

export const descriptorsOf = (pid: number): readonly string[] => readdirSync(`/proc/${pid}/fd`);

export function residentBytes(pid: number): number {
  return Number.parseInt(statusOf(pid).get("VmRSS") ?? "", 10) * 1024;
}
