/** A field of a pod that `fieldRef` may name, parsed. */
export type FieldPath =
  | { readonly field: SimpleField }
  | { readonly field: "metadata.labels" | "metadata.annotations"; readonly key?: string };

const SIMPLE_FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
] as const;
type SimpleField = (typeof SIMPLE_FIELDS)[number];

/** Fields that change after a pod has started, or are known only then: no content of a volume. */
const FIELDS_OF_ENV_ONLY = new Set<string>(SIMPLE_FIELDS.slice(3));
const SUBSCRIPT = /^(metadata\.labels|metadata\.annotations)(?:\['([^']+)'\])?$/;

/**
 * Reads a field path for a variable, which is one value, or for a file, which may also be all labels or annotations.
 * Undefined when there it may not stand.
 */
export function parseFieldPath(text: string, use: "env" | "volume"): FieldPath | undefined {
  const simple = SIMPLE_FIELDS.find((field) => field === text);
  if (simple) return use === "volume" && FIELDS_OF_ENV_ONLY.has(simple) ? undefined : { field: simple };
  const [, field, key] = SUBSCRIPT.exec(text) ?? [];
  if (field !== "metadata.labels" && field !== "metadata.annotations") return undefined;
  if (key === undefined) return use === "volume" ? { field } : undefined;
  return { field, key };
}
