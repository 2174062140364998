/**
 * Shapes of JSON from the other side of the channel, each a function that answers a precise value or throws `ProtocolError`.
 * Not zod: loading it takes about 45 ms, half of the time in which a dead shim must be back.
 */
import { ProtocolError } from "./protocol-error.ts";

/** Checks `value`, which stands at the place `at` of its message. */
export type Shape<T> = (value: unknown, at: string) => T;

/** Text of at most `maxLength` UTF-16 units. */
export function text(maxLength: number): Shape<string> {
  return (value, at) => {
    if (typeof value !== "string") return refuse(at, "text");
    if (value.length > maxLength) return refuse(at, `text of at most ${maxLength} characters`);
    return value;
  };
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  return (value, at) => {
    const isInRange = Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
    return isInRange ? Number(value) : refuse(at, `an integer from ${min} to ${max}`);
  };
}

/** A finite number that is not negative. */
export const amount: Shape<number> = (value, at) =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : refuse(at, "a number from 0");

export const flag: Shape<boolean> = (value, at) => (typeof value === "boolean" ? value : refuse(at, "true or false"));

export function oneOf<const T extends string>(...values: readonly T[]): Shape<T> {
  return (value, at) => values.find((known) => known === value) ?? refuse(at, `one of ${values.join(", ")}`);
}

export function list<T>(item: Shape<T>, maxItems: number): Shape<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length > maxItems) return refuse(at, `a list of at most ${maxItems}`);
    return value.map((each: unknown, index) => item(each, `${at}[${index}]`));
  };
}

/** A value that may be missing. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, at) => (value === undefined ? undefined : shape(value, at));
}

/** An object with these fields; others are left out. */
export function fields<T extends object>(shapes: { readonly [K in keyof T]-?: Shape<T[K] | undefined> }): Shape<T> {
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(at, "an object");
    const given = new Map<string, unknown>(Object.entries(value));
    const checked = Object.entries<Shape<unknown>>(shapes)
      .map(([name, shape]) => [name, shape(given.get(name), `${at}.${name}`)] as const)
      .filter(([, field]) => field !== undefined);
    return Object.fromEntries(checked) as T;
  };
}

/** One of several objects, told apart by the text in field `tag`. */
export function tagged<T extends object>(tag: string, variants: ReadonlyMap<string, Shape<T>>): Shape<T> {
  return (value, at) => {
    const name: unknown = typeof value === "object" && value !== null ? Reflect.get(value, tag) : undefined;
    const variant = typeof name === "string" ? variants.get(name) : undefined;
    return variant ? variant(value, at) : refuse(`${at}.${tag}`, `one of ${[...variants.keys()].join(", ")}`);
  };
}

function refuse(at: string, wanted: string): never {
  throw new ProtocolError(`${at} must be ${wanted}`);
}
