import { type Answer, type Application, emptyAnswer, UNAVAILABLE } from "../http/answer.ts";
import type { RequestHead } from "../http/request.ts";
import type { RunningContainer, ServedRoute } from "./running-container.ts";
import { isDecodable } from "./environment.ts";
import { matchesRoute, parseRoutes, type Route } from "./route.ts";

const HEALTH_PATH = "/healthz";
const HEALTHY: Answer = { status: 200, headers: "", body: Buffer.from("OK") };
const NOT_FOUND = emptyAnswer(404);
const BAD_PATH = emptyAnswer(400);
const OPTIONS_ANSWER = emptyAnswer(200);

/** One line of the table that requests are looked up in. */
interface TableEntry {
  readonly route: Route;
  /** Who answers; UNAVAILABLE while the route's container does not serve. */
  readonly target: Target | Answer;
}

interface Target {
  readonly container: RunningContainer;
  readonly served: ServedRoute;
}

interface Member {
  /** Name of the container. */
  readonly name: string;
  readonly route: Route;
  running: RunningContainer | undefined;
  /** Routes known of a container that served once: they stay its own while it does not, so that no wider route answers. */
  knownRoutes: readonly Route[];
}

/** The routes of one sandbox: which container answers a request. */
export class Site implements Application {
  isDraining = false;
  #members: readonly Member[] = [];
  #table: readonly TableEntry[] = [];

  /** Declares routes in the order they are tried; containers that serve already go on. Throws RouteSyntaxError. */
  declare(routes: readonly { readonly route: string; readonly container: string }[]): void {
    const parsed = parseRoutes(routes);
    const before = this.#members;
    this.#members = routes.map(({ container: name }, index) => {
      const known = before.find((member) => member.name === name);
      const route = parsed[index] as Route;
      return { name, route, running: known?.running, knownRoutes: known?.knownRoutes ?? [route] };
    });
    this.#rebuild();
  }

  /** Lets a declared container answer its routes from now on. Throws when it was not declared. */
  serve(container: RunningContainer): void {
    const member = this.#members.find(({ name }) => name === container.spec.name);
    if (!member) throw new Error(`Container "${container.spec.name}" is not among the declared routes of its sandbox`);
    member.running = container;
    member.knownRoutes = container.routes.map(({ route }) => route);
    this.#rebuild();
  }

  /** Lets a container's routes answer 503. */
  unserve(container: RunningContainer): void {
    for (const member of this.#members) if (member.running === container) member.running = undefined;
    this.#rebuild();
  }

  running(id: string): RunningContainer | undefined {
    return this.#members.find(({ running }) => running?.spec.id === id)?.running;
  }

  get containers(): readonly RunningContainer[] {
    return this.#members.flatMap(({ running }) => running ?? []);
  }

  admit(head: RequestHead): number | Answer {
    const target = this.#lookUp(head);
    return "status" in target ? target : target.container.spec.limits.maxRequestBodyBytes;
  }

  respond(head: RequestHead, body: Buffer, peer: string, arrivedMs: number): Answer | Promise<Answer> {
    const target = this.#lookUp(head);
    if ("status" in target) return target;
    return target.container.respond(target.served, head, body, peer, arrivedMs);
  }

  #lookUp(head: RequestHead): Answer | Target {
    const { path } = head;
    if (path === HEALTH_PATH) return HEALTHY;
    if (path === "*") return OPTIONS_ANSWER;
    if (!isDecodable(path)) return BAD_PATH;
    for (const { route, target } of this.#table) if (matchesRoute(route, path)) return target;
    return NOT_FOUND;
  }

  #rebuild(): void {
    this.#table = this.#members.flatMap(({ running, knownRoutes }): TableEntry[] =>
      running
        ? running.routes.map((served) => ({ route: served.route, target: { container: running, served } }))
        : knownRoutes.map((route) => ({ route, target: UNAVAILABLE })),
    );
  }
}
