import type { ContainerUsage, Request, RequestOf, StartedRoutes } from "../protocol.ts";

/** A request that was answered, with the descriptors it came with and what it resolved to. */
export interface Recorded<R extends Request = Request> {
  readonly request: R;
  readonly fds: readonly number[];
  readonly result?: StartedRoutes | ContainerUsage;
}

type Loaded = Recorded<RequestOf<"load-module">>;
type Declared = Recorded<RequestOf<"declare-routes">>;
type Listening = Recorded<RequestOf<"listen">>;
type Serving = Recorded<RequestOf<"start-wagi">>;

interface Sandbox {
  routes?: Declared;
  listeners: Listening[];
  readonly containers: Map<string, Serving>;
}

/**
 * What is loaded, listening and serving, so that a worker or a shim that died can be given all of it again. The runtime's client
 * and the shim's main thread each keep one. Holds descriptors, but does not close them: `on…` methods answer what is free now.
 */
export class StateRecord {
  readonly #modules = new Map<string, Loaded>();
  readonly #sandboxes = new Map<string, Sandbox>();

  /** Takes note of a request that succeeded. Answers descriptors that nothing needs any more. */
  add(entry: Recorded): readonly number[] {
    const { request } = entry;
    switch (request.op) {
      case "load-module": {
        const known = this.#modules.get(request.digest);
        this.#modules.set(request.digest, entry as Loaded);
        return known?.fds ?? [];
      }
      case "unload-module": {
        const known = this.#modules.get(request.digest);
        this.#modules.delete(request.digest);
        return [...(known?.fds ?? []), ...entry.fds];
      }
      case "declare-routes":
        this.#sandbox(request.sandbox).routes = entry as Declared;
        return entry.fds;
      case "listen":
        this.#sandbox(request.sandbox).listeners.push(entry as Listening);
        return [];
      case "start-wagi":
        this.#sandbox(request.sandbox).containers.set(request.container.id, entry as Serving);
        return [];
      case "take-over":
        this.#takeOver(request.from, request.to);
        return entry.fds;
      case "remove-sandbox":
        return [...this.#removeSandbox(request.sandbox), ...entry.fds];
      case "stop-container":
        return [...this.removeContainer(request.container), ...entry.fds];
      case "start-command":
      case "stats":
        return entry.fds;
    }
  }

  /** Forgets a container that ended. Answers its descriptors. */
  removeContainer(container: string): readonly number[] {
    for (const { containers } of this.#sandboxes.values()) {
      const known = containers.get(container);
      if (!known) continue;
      containers.delete(container);
      return known.fds;
    }
    return [];
  }

  modules(): readonly Loaded[] {
    return [...this.#modules.values()];
  }

  /** The sandbox in which a container serves. */
  sandboxOf(container: string): string | undefined {
    for (const [sandbox, { containers }] of this.#sandboxes) if (containers.has(container)) return sandbox;
    return undefined;
  }

  /**
   * Everything again, in steps: all of one step may be asked at once. Sockets come last, so that the first connection finds its
   * routes served.
   */
  replay(): readonly (readonly Recorded[])[] {
    const sandboxes = [...this.#sandboxes.values()];
    return [
      this.modules(),
      sandboxes.flatMap(({ routes }) => (routes ? [routes] : [])),
      sandboxes.flatMap(({ containers }) => [...containers.values()]),
      sandboxes.flatMap(({ listeners }) => listeners),
    ];
  }

  /** Forgets everything. Answers all descriptors. */
  clear(): readonly number[] {
    const fds = this.replay().flatMap((step) => step.flatMap((entry) => entry.fds));
    this.#modules.clear();
    this.#sandboxes.clear();
    return fds;
  }

  #sandbox(id: string): Sandbox {
    const known = this.#sandboxes.get(id) ?? { listeners: [], containers: new Map<string, Serving>() };
    this.#sandboxes.set(id, known);
    return known;
  }

  /** The sockets belong to `to` from now on, so that removing `from` does not close them. */
  #takeOver(from: string, to: string): void {
    const source = this.#sandbox(from);
    const moved = source.listeners.map((entry) => ({ ...entry, request: { ...entry.request, sandbox: to } }));
    source.listeners = [];
    this.#sandbox(to).listeners.push(...moved);
  }

  #removeSandbox(id: string): readonly number[] {
    const known = this.#sandboxes.get(id);
    this.#sandboxes.delete(id);
    return known ? [...known.listeners, ...known.containers.values()].flatMap(({ fds }) => fds) : [];
  }
}
