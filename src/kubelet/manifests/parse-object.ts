import type { z } from "zod";
import {
  type ConfigMap,
  configMapObject,
  type Deployment,
  deploymentObject,
  type Job,
  jobObject,
  podObject,
  type ReplicaSet,
  replicaSetObject,
  type Secret,
  secretObject,
} from "../api/index.ts";
import { fieldRule } from "./fields.ts";
import { error, type Finding, formatPath, warning } from "./problem.ts";

/** A pod as a manifest has it: without what makes it one of a kind. */
export type PodManifest = Readonly<z.output<typeof podObject>>;
export type KubernetesObject = PodManifest | Deployment | ReplicaSet | Job | ConfigMap | Secret;

const SCHEMAS: Readonly<Record<string, { readonly apiVersion: string; readonly schema: z.ZodType<KubernetesObject> }>> =
  {
    Pod: { apiVersion: "v1", schema: podObject },
    Deployment: { apiVersion: "apps/v1", schema: deploymentObject },
    ReplicaSet: { apiVersion: "apps/v1", schema: replicaSetObject },
    Job: { apiVersion: "batch/v1", schema: jobObject },
    ConfigMap: { apiVersion: "v1", schema: configMapObject },
    Secret: { apiVersion: "v1", schema: secretObject },
  };

/** An object read, or undefined with the errors that say why not; warnings in either case. */
export interface ParsedObject {
  readonly object: KubernetesObject | undefined;
  readonly findings: readonly Finding[];
}

/** Reads one object strictly: what it asks for is honoured, named in a warning, or refused. */
export function parseObject(value: Readonly<Record<string, unknown>>): ParsedObject {
  const { kind, apiVersion } = value;
  if (typeof kind !== "string" || kind === "") return refuse("kind", "is required");
  if (!Object.hasOwn(SCHEMAS, kind))
    return refuse("kind", `${kind} is not supported; supported are ${Object.keys(SCHEMAS).join(", ")} and List`);
  const { schema, apiVersion: expected = "" } = SCHEMAS[kind] ?? {};
  if (!schema || apiVersion !== expected) return refuse("apiVersion", `must be ${expected} for a ${kind}`);
  return parseWith(schema, kind, withoutNulls(value));
}

function refuse(path: string, message: string): ParsedObject {
  return { object: undefined, findings: [error(path, message)] };
}

function parseWith(schema: z.ZodType<KubernetesObject>, kind: string, value: unknown): ParsedObject {
  const first = schema.safeParse(value, { reportInput: true });
  if (first.success) return { object: first.data, findings: [] };
  const unknown = first.error.issues.flatMap((issue) => unknownFields(issue));
  const findings = unknown.flatMap((path) => findingsOfUnknown(kind, path, valueAt(value, path)));
  // Without them the rest can be checked, also where unknown fields kept zod from looking closer.
  const rest = schema.safeParse(unknown.reduce(without, value), { reportInput: true });
  if (!rest.success) findings.push(...rest.error.issues.map((issue) => error(formatPath(issue.path), describe(issue))));
  const isRefused = findings.some(({ severity }) => severity === "error");
  return { object: rest.success && !isRefused ? rest.data : undefined, findings };
}

function unknownFields(issue: z.core.$ZodIssue): readonly (readonly PropertyKey[])[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [];
}

function findingsOfUnknown(kind: string, path: readonly PropertyKey[], value: unknown): Finding[] {
  const rule = fieldRule(kind, path);
  const at = formatPath(path);
  if (!rule) return [error(at, "is not a field known here")];
  if (isEmpty(value)) return [];
  return [rule.isRefused ? error(at, rule.why) : warning(at, rule.why)];
}

/** Asks for nothing: `false`, `""`, `{}`, `[]`. */
function isEmpty(value: unknown): boolean {
  if (value === false || value === "") return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

/** A copy without the field at `path`. */
function without(value: unknown, [key, ...rest]: readonly PropertyKey[]): unknown {
  if (Array.isArray(value)) return value.map((item: unknown, index) => (index === key ? without(item, rest) : item));
  if (typeof value !== "object" || value === null || key === undefined) return value;
  const entries = Object.entries(value);
  return fromEntries(
    rest.length === 0
      ? entries.filter(([name]) => name !== key)
      : entries.map(([name, item]) => [name, name === key ? without(item, rest) : item]),
  );
}

/** Maps whose values are the user's, where a null is a mistake and not "unset". */
const USER_MAPS = new Set(["data", "stringData", "binaryData", "labels", "annotations", "matchLabels"]);

/** As the API server reads JSON: a field that is null is not set. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item));
  if (typeof value !== "object" || value === null) return value;
  return fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([name, item]) => [name, USER_MAPS.has(name) ? item : withoutNulls(item)]),
  );
}

/** An object without prototype: a key like `__proto__` is a key like any other. */
function fromEntries(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of entries) object[key] = value;
  return object;
}

const KINDS: Readonly<Record<string, string>> = {
  int: "a whole number",
  record: "a map",
  object: "a map",
  array: "a list",
};

/** What is wrong, in words that go after the field's path. */
function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return describeType(issue);
    case "invalid_value":
      return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_big":
      return `must not be ${issue.origin === "string" ? "longer" : "more"} than ${issue.maximum}`;
    case "too_small":
      return issue.message.startsWith("Too small") ? `must not be less than ${issue.minimum}` : issue.message;
    case "invalid_key":
      return `key ${JSON.stringify(issue.path.at(-1))} ${issue.issues.map((inner) => describe(inner)).join("; ")}`;
    case "invalid_union":
      return describeUnion(issue);
    case "invalid_format":
    case "not_multiple_of":
    case "unrecognized_keys":
    case "invalid_element":
    case "custom":
      return issue.message;
  }
}

function describeType({ input, expected }: z.core.$ZodIssueInvalidType): string {
  if (input === undefined) return "is required";
  // YAML reads yes, no, on, off, y, n and 1 as what they look like.
  const hint = expected === "string" && typeof input !== "object" ? "; put it in quotes" : "";
  return `must be ${KINDS[expected] ?? `a ${expected}`}, not ${typeName(input)}${hint}`;
}

function describeUnion({ message, errors }: z.core.$ZodIssueInvalidUnion): string {
  return message === "Invalid input" ? (errors.flat().map(describe).at(-1) ?? message) : message;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}
