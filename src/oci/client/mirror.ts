/** A place that is asked before the registry itself. */
export type Mirror =
  | { readonly kind: "layout"; readonly folder: string }
  | {
      readonly kind: "registry";
      /** `host[:port]`. */
      readonly registry: string;
      /** Put before every repository, such as `proxy-cache`; empty for none. */
      readonly prefix: string;
      readonly isPlainHttp: boolean;
    };

/** Mirrors of registries by the registry's name, in the order in which they are asked. */
export type Mirrors = ReadonlyMap<string, readonly Mirror[]>;

/**
 * Reads `registry=folder` or `registry=http[s]://host[:port][/prefix]`. A relative folder is taken as it stands.
 * Throws SyntaxError that says what is wrong.
 */
export function parseMirror(text: string): { readonly registry: string; readonly mirror: Mirror } {
  const at = text.indexOf("=");
  const registry = text.slice(0, Math.max(0, at)).toLowerCase();
  const place = text.slice(at + 1);
  if (registry === "" || place === "" || registry.includes("/")) {
    throw new SyntaxError(
      `Cannot read mirror "${text}": write registry=FOLDER (an OCI image layout) or registry=https://host/prefix`,
    );
  }
  if (!/^https?:\/\//.test(place)) return { registry, mirror: { kind: "layout", folder: place } };
  const url = URL.parse(place);
  if (!url || url.username || url.password || url.search || url.hash) {
    throw new SyntaxError(
      `Cannot read mirror "${registry}": its URL must be http[s]://host[:port][/prefix] and no more`,
    );
  }
  const prefix = url.pathname.replaceAll(/^\/+|\/+$/g, "");
  return { registry, mirror: { kind: "registry", registry: url.host, prefix, isPlainHttp: url.protocol === "http:" } };
}
