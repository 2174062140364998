/**
 * Replaces `$(NAME)` as Kubernetes does: names that `variables` does not hold stay as written, `$$` is one `$` (so `$$(NAME)` is the
 * text `$(NAME)`), any other `$` stays.
 */
export function expandVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (match, name: string | undefined) =>
    name === undefined ? "$" : (variables.get(name) ?? match),
  );
}
