import { parseQuantity } from "../../base/index.ts";
import type { Container, PodSpec, Volume } from "../api/index.ts";
import { parseFieldPath } from "../environment/field-path.ts";
import { error, type Finding, warning } from "./problem.ts";

/** Checks of a pod's spec that look at more than one field, as the API server makes them; `at` is the path of the spec. */
export function validatePodSpec(spec: PodSpec, at: string): readonly Finding[] {
  const containers = [
    ...spec.initContainers.map((container, index) => ({ container, at: `${at}.initContainers[${index}]` })),
    ...spec.containers.map((container, index) => ({ container, at: `${at}.containers[${index}]` })),
  ];
  return [
    ...repeated(containers.map((each) => ({ value: each.container.name, path: `${each.at}.name` }))),
    ...repeated(spec.volumes.map(({ name }, index) => ({ value: name, path: `${at}.volumes[${index}].name` }))),
    ...containers.flatMap((each) => validateContainer(each.container, each.at, spec)),
    ...spec.volumes.flatMap((volume, index) => validateVolume(volume, `${at}.volumes[${index}]`, spec)),
    ...validateHostPorts(spec, at),
  ];
}

interface Located {
  readonly value: string;
  readonly path: string;
}

function repeated(values: readonly Located[]): readonly Finding[] {
  const first = new Map<string, string>();
  return values.flatMap(({ value, path }) => {
    const earlier = first.get(value);
    if (earlier === undefined) first.set(value, path);
    return earlier === undefined ? [] : [error(path, `${JSON.stringify(value)} is already used at ${earlier}`)];
  });
}

function validateContainer(container: Container, at: string, { volumes }: PodSpec): readonly Finding[] {
  const { env, ports, volumeMounts } = container;
  const names = new Set(volumes.map(({ name }) => name));
  return [
    ...volumeMounts.flatMap(({ name }, index) =>
      names.has(name) ? [] : [error(`${at}.volumeMounts[${index}].name`, `there is no volume ${JSON.stringify(name)}`)],
    ),
    ...repeated(
      volumeMounts.map(({ mountPath }, index) => ({
        value: mountPath,
        path: `${at}.volumeMounts[${index}].mountPath`,
      })),
    ),
    ...repeated(
      ports.flatMap(({ name }, index) =>
        name === undefined ? [] : [{ value: name, path: `${at}.ports[${index}].name` }],
      ),
    ),
    ...env.flatMap(({ valueFrom }, index) => {
      const fault = valueFrom && faultOfReference(valueFrom, container.name);
      return fault === undefined ? [] : [error(`${at}.env[${index}].valueFrom`, fault)];
    }),
    ...validateResources(container, at),
  ];
}

function faultOfReference(
  { fieldRef, resourceFieldRef }: NonNullable<Container["env"][number]["valueFrom"]>,
  container: string,
): string | undefined {
  if (fieldRef && !parseFieldPath(fieldRef.fieldPath, "env"))
    return `fieldPath ${JSON.stringify(fieldRef.fieldPath)} is not a field that a variable can have`;
  const other = resourceFieldRef?.containerName;
  return other === undefined || other === container ? undefined : `containerName must be ${container} here`;
}

function validateResources({ resources: { limits, requests } }: Container, at: string): readonly Finding[] {
  const findings: Finding[] = [];
  for (const name of ["cpu", "memory"] as const) {
    const limit = limits[name];
    const request = requests[name];
    if (limit !== undefined && request !== undefined && parseQuantity(request) > parseQuantity(limit))
      findings.push(error(`${at}.resources.requests.${name}`, `${request} must not be more than the limit ${limit}`));
  }
  if (limits.cpu !== undefined)
    findings.push(
      warning(
        `${at}.resources.limits.cpu`,
        "sets the container's weight only: it may use idle processor time beyond that",
      ),
    );
  return findings;
}

function validateVolume(
  { downwardAPI, projected, configMap, secret }: Volume,
  at: string,
  spec: PodSpec,
): readonly Finding[] {
  const lists = [
    { items: downwardAPI?.items ?? [], at: `${at}.downwardAPI` },
    ...(projected?.sources ?? []).map((source, index) => ({
      items: source.downwardAPI?.items ?? [],
      at: `${at}.projected.sources[${index}].downwardAPI`,
    })),
  ];
  const keyed = [
    { items: configMap?.items ?? [], at: `${at}.configMap` },
    { items: secret?.items ?? [], at: `${at}.secret` },
  ];
  return [
    ...lists.flatMap((list) => validateDownwardItems(list.items, list.at, spec)),
    ...[...lists, ...keyed].flatMap((list) =>
      repeated(list.items.map((item, index) => ({ value: item.path, path: `${list.at}.items[${index}].path` }))),
    ),
  ];
}

function validateDownwardItems(
  items: NonNullable<Volume["downwardAPI"]>["items"],
  at: string,
  { containers, initContainers }: PodSpec,
): readonly Finding[] {
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  return items.flatMap(({ fieldRef, resourceFieldRef }, index) => {
    const path = `${at}.items[${index}]`;
    if (fieldRef && !parseFieldPath(fieldRef.fieldPath, "volume"))
      return [
        error(
          `${path}.fieldRef`,
          `fieldPath ${JSON.stringify(fieldRef.fieldPath)} is not a field that a file can have`,
        ),
      ];
    if (!resourceFieldRef || names.has(resourceFieldRef.containerName ?? "")) return [];
    return [error(`${path}.resourceFieldRef`, "containerName must name a container of the pod")];
  });
}

function validateHostPorts({ containers, hostNetwork }: PodSpec, at: string): readonly Finding[] {
  const ports = containers.flatMap((container, index) =>
    container.ports.map((port, number) => ({ port, path: `${at}.containers[${index}].ports[${number}].hostPort` })),
  );
  return ports.flatMap(({ port: { containerPort, hostPort }, path }) => {
    if (hostPort === undefined) return [];
    if (!hostNetwork)
      return [warning(path, "is ignored: nothing forwards ports here, a WAGI pod listens on its own address")];
    return hostPort === containerPort
      ? []
      : [error(path, `must be ${containerPort}, the containerPort, with hostNetwork`)];
  });
}
