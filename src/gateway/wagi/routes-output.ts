import { joinRoutes, parseRoute, RouteSyntaxError } from "./route.ts";

/** Most that `_routes` may print. Threat: a module that prints for ever. -> RouteSyntaxError */
export const MAX_ROUTES_OUTPUT_BYTES = 64 * 1024;
/** Most routes one module may have beside its own: each request looks at all of them. -> RouteSyntaxError */
export const MAX_MODULE_ROUTES = 512;

const DEFAULT_ENTRYPOINT = "_start";

/** A route and the export that answers it. */
export interface EntryRoute {
  readonly route: string;
  readonly entrypoint: string;
}

/**
 * The routes of a module in the order they are tried: those its `_routes` printed, last first, then its own.
 * Each printed line is a route below the module's own and an entry point, `_start` where none is given (as the WAGI of AKS had
 * it); empty lines do not count. Throws RouteSyntaxError for lines of three or more words, bad routes, and too much of anything.
 */
export function parseRoutesOutput(own: EntryRoute, stdout: Uint8Array): EntryRoute[] {
  if (stdout.length > MAX_ROUTES_OUTPUT_BYTES) {
    throw new RouteSyntaxError(`_routes printed ${stdout.length} bytes; at most ${MAX_ROUTES_OUTPUT_BYTES} are read`);
  }
  const base = parseRoute(own.route);
  const printed = decode(stdout)
    .split("\n")
    .map((line, index) => ({ words: line.split(/[ \t\r]+/).filter((word) => word !== ""), number: index + 1 }))
    .filter(({ words }) => words.length > 0);
  if (printed.length > MAX_MODULE_ROUTES) {
    throw new RouteSyntaxError(`_routes printed ${printed.length} routes; at most ${MAX_MODULE_ROUTES} are allowed`);
  }
  const entries = printed.map(({ words, number }) => {
    const [sub = "", entrypoint = DEFAULT_ENTRYPOINT, ...rest] = words;
    if (rest.length > 0) {
      throw new RouteSyntaxError(
        `_routes line ${number} has ${words.length} words; a route and an entry point were expected`,
      );
    }
    return { route: joinRoutes(base, sub).pattern, entrypoint };
  });
  return [...entries.toReversed(), own];
}

function decode(stdout: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(stdout);
  } catch (error) {
    throw new RouteSyntaxError("_routes printed something that is not UTF-8", { cause: error });
  }
}
