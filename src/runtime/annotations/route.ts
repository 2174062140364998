const MAX_ROUTE_LENGTH = 1024;

/**
 * What is wrong with a WAGI route, or undefined. A route is compared with the path as it was sent, so it holds what a request
 * line can: visible ASCII without `?` and `#`; `...` stands for "everything below" and only at the end, after a slash.
 */
export function checkRoute(route: string): string | undefined {
  if (!route.startsWith("/")) return `${quote(route)} must start with "/"`;
  if (route.length > MAX_ROUTE_LENGTH) return `must not be longer than ${MAX_ROUTE_LENGTH} characters`;
  if (!/^[\x21-\x7e]+$/.test(route))
    return `${quote(route)} must be visible ASCII; write other characters percent-encoded`;
  if (/[?#]/.test(route)) return `${quote(route)} must not contain "?" or "#": only the path is compared`;
  const prefix = route.endsWith("/...") ? route.slice(0, -"...".length) : route;
  if (prefix.split("/").includes("...")) return `${quote(route)} may have "..." only at its end`;
  return undefined;
}

function quote(route: string): string {
  return JSON.stringify(route.length > 80 ? `${route.slice(0, 80)}…` : route);
}
