/* oxlint-disable max-params -- WASI functions have up to nine parameters, and a rest array at each call would cost more than they do */

export type AnyHostFunction = (...args: never[]) => unknown;
type Wide = (a?: unknown, b?: unknown, c?: unknown, d?: unknown, ...more: readonly unknown[]) => unknown;

/**
 * A host function as a guest calls it: what it throws goes through `fail`, so that no `catch_all` of the guest sees it.
 * Up to four parameters are passed without an array.
 */
export function guarded(run: AnyHostFunction, fail: (error: unknown) => Error): Wide {
  const call = run as Wide;
  if (run.length === 0 || run.length > 4) return guardedAny(call, fail);
  return (a, b, c, d) => {
    try {
      return call(a, b, c, d);
    } catch (error) {
      throw fail(error);
    }
  };
}

function guardedAny(call: Wide, fail: (error: unknown) => Error): Wide {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      throw fail(error);
    }
  };
}

/** The same for one that may answer a promise, which `wait` then takes over. */
export function waiting(
  run: AnyHostFunction,
  fail: (error: unknown) => Error,
  wait: (event: Promise<number>) => Promise<number>,
): Wide {
  const call = guardedAny(run as Wide, fail);
  return (...args) => {
    const result = call(...args);
    return result instanceof Promise ? wait(result as Promise<number>) : result;
  };
}
