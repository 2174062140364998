import type { ConfigMap, DownwardItem, KeyToPath, Pod, ProjectedSource, Secret, Volume } from "../api/index.ts";
import type { ConfigObjects } from "../config-objects.ts";
import { parseFieldPath } from "../environment/field-path.ts";
import { fieldValue, type Placement, resourceValue } from "../environment/field-value.ts";
import { VolumeError } from "./volume-error.ts";

/** A file of a volume that is made from objects. */
export interface VolumeFile {
  readonly bytes: Uint8Array;
  /** Permission bits for whoever owns the volume. */
  readonly mode: number;
}

/** Files by path below the volume: relative, without `..`, folders separated by "/". */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

export interface VolumeContext {
  readonly pod: Pod;
  readonly objects: ConfigObjects;
  readonly placement: Placement;
}

/**
 * The files of a configMap, secret, downwardAPI or projected volume; undefined for the other kinds, which are folders. Throws
 * VolumeError when an object or key is missing and not optional.
 */
export function volumeFiles(volume: Volume, context: VolumeContext): VolumeFiles | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return fromConfigMap(configMap, configMap.defaultMode, context);
  if (secret) return fromSecret({ ...secret, name: secret.secretName }, secret.defaultMode, context);
  if (downwardAPI) return fromDownwardApi(downwardAPI.items, downwardAPI.defaultMode, context);
  if (!projected) return undefined;
  return new Map(projected.sources.flatMap((source) => [...fromSource(source, projected.defaultMode, context)]));
}

function fromSource(source: ProjectedSource, mode: number, context: VolumeContext): VolumeFiles {
  if (source.configMap) return fromConfigMap(source.configMap, mode, context);
  if (source.secret) return fromSecret(source.secret, mode, context);
  return fromDownwardApi(source.downwardAPI?.items ?? [], mode, context);
}

interface ObjectReference {
  readonly name: string;
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional: boolean;
}

function fromConfigMap(reference: ObjectReference, mode: number, { pod, objects }: VolumeContext): VolumeFiles {
  return fromObject("configmap", reference, mode, objects.configMap(pod.metadata.namespace, reference.name));
}

function fromSecret(reference: ObjectReference, mode: number, { pod, objects }: VolumeContext): VolumeFiles {
  return fromObject("secret", reference, mode, objects.secret(pod.metadata.namespace, reference.name));
}

function fromObject(
  kind: "configmap" | "secret",
  { name, items, optional }: ObjectReference,
  defaultMode: number,
  object: ConfigMap | Secret | undefined,
): VolumeFiles {
  if (!object && !optional) throw new VolumeError(`${kind} ${JSON.stringify(name)} not found`);
  const data = object?.data ?? {};
  const chosen = items ?? Object.keys(data).map((key): KeyToPath => ({ key, path: key }));
  const files = new Map<string, VolumeFile>();
  for (const { key, path, mode } of chosen) {
    const bytes = Object.hasOwn(data, key) ? data[key] : undefined;
    if (bytes) files.set(path, { bytes, mode: mode ?? defaultMode });
    else if (!optional)
      throw new VolumeError(`references non-existent ${kind === "secret" ? "secret" : "config"} key: ${key}`);
  }
  return files;
}

function fromDownwardApi(items: readonly DownwardItem[], defaultMode: number, context: VolumeContext): VolumeFiles {
  return new Map(
    items.map((item) => [
      item.path,
      { bytes: new TextEncoder().encode(downwardValue(item, context)), mode: item.mode ?? defaultMode },
    ]),
  );
}

function downwardValue({ fieldRef, resourceFieldRef }: DownwardItem, { pod, placement }: VolumeContext): string {
  const field = fieldRef && parseFieldPath(fieldRef.fieldPath, "volume");
  if (field) return fieldValue(field, pod, placement);
  const container = [...pod.spec.containers, ...pod.spec.initContainers].find(
    ({ name }) => name === resourceFieldRef?.containerName,
  );
  if (resourceFieldRef && container) return resourceValue(resourceFieldRef, container, placement);
  throw new VolumeError("a downwardAPI item names neither a field of the pod nor a container's resource");
}
