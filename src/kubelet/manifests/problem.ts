/** Something wrong with a manifest, or ignored in it. */
export interface Problem {
  /** An error: the object cannot run as it is written. A warning: it runs, without what is named. */
  readonly severity: "error" | "warning";
  /** File the object came from. */
  readonly source: string;
  /** Kind of the object, "" when it has none. */
  readonly kind: string;
  /** `name`, or `namespace/name` outside the default namespace; "" when it has none. */
  readonly name: string;
  /** Path of the field (`spec.containers[0].image`); "" for the object as a whole. */
  readonly path: string;
  readonly message: string;
}

/** What a check says of one field; the object is added by the caller. */
export type Finding = Pick<Problem, "severity" | "path" | "message">;

export function error(path: string, message: string): Finding {
  return { severity: "error", path, message };
}

export function warning(path: string, message: string): Finding {
  return { severity: "warning", path, message };
}

/** One line for people: `pod.yaml: Pod demo: spec.containers[0].image: is required`. */
export function formatProblem({ source, kind, name, path, message }: Problem): string {
  const object = [kind, name].filter((part) => part !== "").join(" ");
  return [source, object, path, message].filter((part) => part !== "").join(": ");
}

/** `["spec", "containers", 0]` as `spec.containers[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const text = String(part);
      if (!/^[A-Za-z_][\w-]*$/.test(text)) return `[${JSON.stringify(text)}]`;
      return index === 0 ? text : `.${text}`;
    })
    .join("");
}
