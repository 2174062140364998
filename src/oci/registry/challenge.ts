/** What a registry asks for in `WWW-Authenticate` (RFC 9110 11.6.1, distribution "token authentication"). */
export type Challenge =
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: string; readonly service?: string; readonly scope?: string };

/** Longest header looked at: a hostile one should not cost time. */
const MAX_CHALLENGE_LENGTH = 8192;
const PARAMETER = /([a-zA-Z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;

/** Reads the first challenge of a kind that is known, Bearer before Basic; undefined when there is none. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  if (header === undefined || header.length > MAX_CHALLENGE_LENGTH) return undefined;
  const bearer = /(?:^|,\s*)bearer\s+/i.exec(header);
  if (bearer) {
    const { realm, service, scope } = readParameters(header, bearer.index + bearer[0].length);
    if (realm !== undefined) {
      return { scheme: "bearer", realm, ...(service === undefined ? {} : { service }), ...(scope ? { scope } : {}) };
    }
  }
  return /(?:^|,\s*)basic(?:\s|,|$)/i.test(header) ? { scheme: "basic" } : undefined;
}

/** `name=value` and `name="value"`, separated by commas, up to where that ends (another challenge, or its end). */
function readParameters(header: string, start: number): Partial<Record<string, string>> {
  const parameters: Partial<Record<string, string>> = Object.create(null) as Record<string, string>;
  for (let at = start; at < header.length;) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(header);
    if (!match) break;
    const [, name = "", quoted, plain = ""] = match;
    parameters[name.toLowerCase()] ??= quoted?.replaceAll(/\\(.)/g, "$1") ?? plain;
    at = PARAMETER.lastIndex;
    const comma = /^\s*,\s*/.exec(header.slice(at, at + 64));
    if (!comma) break;
    at += comma[0].length;
  }
  return parameters;
}
