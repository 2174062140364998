/** Longest route, in characters. Threat: routes come from annotations and from modules' output. */
export const MAX_ROUTE_LENGTH = 1024;

const WILDCARD = "/...";
/** Visible ASCII without `?` and `#`: anything else never stands in a request's path. */
const FORM = /^\/[!"$->@-~]*$/;

/** A route as WAGI has it: an exact path, or a path and all below it (`/hello/...`). */
export interface Route {
  /** As written. */
  readonly pattern: string;
  /** The path it answers; for a wildcard without `/...`, so "" for `/...` itself. */
  readonly prefix: string;
  readonly isWildcard: boolean;
}

/** A route that cannot be used; the message says which and why. */
export class RouteSyntaxError extends SyntaxError {}

/** Reads a route. Throws RouteSyntaxError for one that could never match, or would not match what it seems to. */
export function parseRoute(pattern: string): Route {
  const fail = (why: string) => new RouteSyntaxError(`Route ${JSON.stringify(pattern.slice(0, 100))} ${why}`);
  if (pattern.length > MAX_ROUTE_LENGTH) throw fail(`is longer than ${MAX_ROUTE_LENGTH} characters`);
  if (!pattern.startsWith("/")) throw fail("does not start with /");
  if (!FORM.test(pattern)) throw fail("holds a space, ?, # or a character to be written as %XX");
  const isWildcard = pattern.endsWith(WILDCARD);
  const prefix = isWildcard ? pattern.slice(0, -WILDCARD.length) : pattern;
  if (prefix.includes("..."))
    throw fail("has ... where it is no wildcard; write /path/... for a path and all below it");
  return { pattern, prefix, isWildcard };
}

/** Reads the routes of a pod. Throws RouteSyntaxError for a bad one, and for two equal ones (the second could never answer). */
export function parseRoutes(entries: readonly { readonly route: string; readonly container: string }[]): Route[] {
  const owners = new Map<string, string>();
  return entries.map(({ route, container }) => {
    const owner = owners.get(route);
    if (owner !== undefined) {
      throw new RouteSyntaxError(`Route ${route} of container "${container}" is that of container "${owner}" already`);
    }
    owners.set(route, container);
    return parseRoute(route);
  });
}

/** Whether a route answers an undecoded path. `/x/...` matches `/x`, `/x/` and `/x/y`, but not `/xy`. */
export function matchesRoute(route: Route, path: string): boolean {
  if (!route.isWildcard) return path === route.prefix;
  const { prefix } = route;
  return path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === "/");
}

/** A route printed by `_routes`, below the module's own: joined with exactly one slash. */
export function joinRoutes(base: Route, sub: string): Route {
  const parent = base.prefix.endsWith("/") ? base.prefix.slice(0, -1) : base.prefix;
  return parseRoute(parent + (sub.startsWith("/") ? sub : `/${sub}`));
}
