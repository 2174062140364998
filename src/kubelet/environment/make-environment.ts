import type { Container, EnvFromSource, EnvVar, Pod } from "../api/index.ts";
import { isEnvName } from "../api/index.ts";
import type { ConfigObjects } from "../config-objects.ts";
import { ContainerConfigError } from "./config-error.ts";
import { expandVariables } from "./expand-variables.ts";
import { parseFieldPath } from "./field-path.ts";
import { fieldValue, type Placement, resourceValue } from "./field-value.ts";

export interface EnvironmentContext {
  readonly pod: Pod;
  readonly objects: ConfigObjects;
  readonly placement: Placement;
}

export interface Environment {
  /** In the order they were first set. */
  readonly variables: ReadonlyMap<string, string>;
  /** Keys of ConfigMaps and Secrets left out because no variable can have such a name. */
  readonly skipped: readonly string[];
}

/**
 * A container's variables: `envFrom` in order, later ones winning, then `env`, where `$(NAME)` stands for variables set before.
 * Throws ContainerConfigError in Kubernetes' words when an object or key is missing and not optional.
 */
export function makeEnvironment(container: Container, context: EnvironmentContext): Environment {
  const variables = new Map<string, string>();
  const skipped: string[] = [];
  for (const source of container.envFrom) {
    for (const [key, value] of dataOf(source, context)) {
      const name = `${source.prefix}${key}`;
      if (isEnvName(name)) variables.set(name, decode(value));
      else skipped.push(key);
    }
  }
  for (const variable of container.env) {
    const value = valueOf(variable, container, context, variables);
    if (value !== undefined) variables.set(variable.name, value);
  }
  return { variables, skipped };
}

function dataOf({ configMapRef, secretRef }: EnvFromSource, context: EnvironmentContext): [string, Uint8Array][] {
  const { objects, pod } = context;
  const { namespace } = pod.metadata;
  const reference = configMapRef ?? secretRef;
  if (!reference) return [];
  const object = configMapRef
    ? objects.configMap(namespace, reference.name)
    : objects.secret(namespace, reference.name);
  if (object) return Object.entries(object.data);
  if (reference.optional) return [];
  throw notFound(configMapRef ? "configmap" : "secret", reference.name);
}

function valueOf(
  { value, valueFrom }: EnvVar,
  container: Container,
  context: EnvironmentContext,
  variables: ReadonlyMap<string, string>,
): string | undefined {
  if (!valueFrom) return expandVariables(value ?? "", variables);
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  if (configMapKeyRef) return keyValue("configmap", configMapKeyRef, context);
  if (secretKeyRef) return keyValue("secret", secretKeyRef, context);
  const field = fieldRef && parseFieldPath(fieldRef.fieldPath, "env");
  if (field) return fieldValue(field, context.pod, context.placement);
  return resourceFieldRef && resourceValue(resourceFieldRef, container, context.placement);
}

interface KeyReference {
  readonly name: string;
  readonly key: string;
  readonly optional: boolean;
}

function keyValue(
  kind: "configmap" | "secret",
  reference: KeyReference,
  { objects, pod }: EnvironmentContext,
): string | undefined {
  const { namespace } = pod.metadata;
  const { name, key, optional } = reference;
  const object = kind === "configmap" ? objects.configMap(namespace, name) : objects.secret(namespace, name);
  const value = object && Object.hasOwn(object.data, key) ? object.data[key] : undefined;
  if (value) return decode(value);
  if (optional) return undefined;
  if (!object) throw notFound(kind, name);
  const title = kind === "configmap" ? "ConfigMap" : "Secret";
  throw new ContainerConfigError(`couldn't find key ${key} in ${title} ${namespace}/${name}`);
}

function notFound(kind: "configmap" | "secret", name: string): ContainerConfigError {
  return new ContainerConfigError(`${kind} ${JSON.stringify(name)} not found`);
}

/** Variables are text; what is not UTF-8 becomes replacement characters, and NUL, which no variable can hold, ends the value. */
function decode(value: Uint8Array): string {
  const text = new TextDecoder().decode(value);
  const end = text.indexOf("\0");
  return end === -1 ? text : text.slice(0, end);
}
